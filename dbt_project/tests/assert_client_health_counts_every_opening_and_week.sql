-- Postings per 100 members, times the members, give back the opportunities opened;
-- each week of a client has its share of seats.
with

health as (select * from {{ ref('fct_client_health_week') }}),

client_weeks as (select * from {{ ref('fct_client_week') }}),

weeks as (select * from {{ ref('int_client_weeks') }}),

opportunities as (select * from {{ ref('stg_app__opportunities') }}),

posted as (      -- one row in all
    select
        coalesce(sum(health.postings_per_100_members * client_weeks.member_count / 100), 0)
            as opportunity_count
    from health
    inner join client_weeks
        on
            health.client_id = client_weeks.client_id
            and health.week_starts_on = client_weeks.week_starts_on
),

opened as (      -- one row in all; weeks without members have no rate
    select count(*) as opportunity_count
    from opportunities
    inner join weeks
        on
            opportunities.client_id = weeks.client_id
            and opportunities.opened_at >= weeks.week_starts_at
            and opportunities.opened_at < weeks.week_ends_at
    inner join client_weeks
        on
            weeks.client_id = client_weeks.client_id
            and weeks.week_starts_on = client_weeks.week_starts_on
    where opportunities.deleted_at is null and client_weeks.member_count > 0
)

select 'openings' as broken
from posted
cross join opened
where abs(posted.opportunity_count - opened.opportunity_count) > 1e-6
union all
select 'weeks' as broken
from health
having count(*) <> (select count(*) from client_weeks)
