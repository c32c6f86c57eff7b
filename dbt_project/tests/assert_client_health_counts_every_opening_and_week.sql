-- Postings of all weeks are the opportunities opened in them; each week of a client has its row.
with

health as (select * from {{ ref('fct_client_health_week') }}),

client_weeks as (select * from {{ ref('fct_client_week') }}),

weeks as (select * from {{ ref('int_client_weeks') }}),

opportunities as (select * from {{ ref('stg_app__opportunities') }}),

posted as (      -- one row in all
    select coalesce(sum(posting_count), 0) as opportunity_count
    from health
),

opened as (      -- one row in all
    select count(*) as opportunity_count
    from opportunities
    inner join weeks
        on
            opportunities.client_id = weeks.client_id
            and opportunities.opened_at >= weeks.week_starts_at
            and opportunities.opened_at < weeks.week_ends_at
    where opportunities.deleted_at is null
)

select 'openings' as broken
from posted
cross join opened
where posted.opportunity_count <> opened.opportunity_count
union all
select 'weeks' as broken
from health
having count(*) <> (select count(*) from client_weeks)
