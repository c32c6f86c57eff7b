-- One row per client (and all clients) and closed week.
with

coverage as (select * from {{ ref('rpt_recommendation_coverage_weekly') }})

select
    coalesce(client_name, {{ filter('client') }}) as client_name,
    week_starts_on,
    {{ metric_of_sums('catalogue_coverage') }} as catalogue_coverage,
    {{ metric_of_sums('member_coverage') }} as member_coverage
from coverage
group by grouping sets ((week_starts_on), (week_starts_on, client_name))
having bool_and(is_complete_week)
order by 1, 2
