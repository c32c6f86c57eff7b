-- One row per client (and all clients) and closed week; over clients a mean weighted by
-- impressions.
with

coverage as (select * from {{ ref('rpt_recommendation_coverage_weekly') }})

select
    coalesce(client_name, {{ filter('client') }}) as client_name,
    week_starts_on,
    {{ metric_of_sums('exposure_entropy') }} as exposure_entropy,
    {{ metric_of_sums('exposure_gini') }} as exposure_gini
from coverage
where exposure_gini is not null and exposure_entropy is not null and impression_count > 0
group by grouping sets ((week_starts_on), (week_starts_on, client_name))
having bool_and(is_complete_week)
order by 1, 2
