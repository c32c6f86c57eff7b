-- One row per client (and all clients) and closed week.
with

coverage as (select * from {{ ref('rpt_recommendation_coverage_weekly') }})

select
    coalesce(client_name, 'All clients') as client_name,
    week_starts_on,
    sum(shown_opportunity_count) / nullif(sum(open_opportunity_count), 0) as catalogue_coverage,
    sum(shown_member_count) / nullif(sum(member_count), 0) as member_coverage
from coverage
group by grouping sets ((week_starts_on), (week_starts_on, client_name))
having bool_and(is_complete_week)
order by 1, 2
