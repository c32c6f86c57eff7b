with

weeks as (select * from {{ ref('int_client_weeks') }}),

open_weeks as (select * from {{ ref('int_opportunity_open_weeks') }}),

-- An opportunity is counted at the ends of its weeks, not in each of them.
changes as (
    select
        client_id,
        first_week_on as week_starts_on,
        1 as opportunity_change
    from open_weeks
    union all
    select
        client_id,
        last_week_on + 7 as week_starts_on,
        -1 as opportunity_change
    from open_weeks
    union all
    select
        client_id,
        week_starts_on,
        0 as opportunity_change
    from weeks
),

catalogues as (      -- one row per client and week: how many opportunities were open at some moment of it
    select
        client_id,
        week_starts_on,
        sum(sum(opportunity_change)) over (
            partition by client_id order by week_starts_on
        ) as opportunity_count
    from changes
    group by client_id, week_starts_on
)

select * from catalogues
