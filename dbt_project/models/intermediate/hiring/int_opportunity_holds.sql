with

versions as (select * from {{ ref('int_opportunities_versioned') }}),

holds as (      -- one row per version that was on hold; half-open
    select
        opportunity_version_id,
        client_id,
        opportunity_id,
        valid_from as held_from,
        valid_to as held_to
    from versions
    where status = 'on_hold'
)

select * from holds
