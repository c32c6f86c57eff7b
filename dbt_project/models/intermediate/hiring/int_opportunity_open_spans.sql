with

versions as (select * from {{ ref('int_opportunities_versioned') }}),

spans as (      -- one row per version that was open for some time; half-open
    select
        client_id,
        opportunity_id,
        openings,
        -- Before the first copy only the product's own timestamps tell when it was open.
        case when is_left_censored then coalesce(opened_at, valid_from) else valid_from end as open_from,
        case
            when is_open then valid_to
            else coalesce(filled_at, closed_at)
        end as open_to
    from versions
    where
        is_open
        or (is_left_censored and opened_at is not null and coalesce(filled_at, closed_at) > opened_at)
)

select * from spans
