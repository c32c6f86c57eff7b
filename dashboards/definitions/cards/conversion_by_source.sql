-- One row per client (and all clients) and way in: twelve weekly cohorts, the newest of them four
-- weeks old.
with

applications as (select * from {{ ref('fct_applications') }}),

clients as (select * from {{ ref('dim_client') }}),

closed_weeks as (select * from {{ ref('rpt_closed_weeks') }}),

cohort as (
    select applications.*, clients.client_name
    from applications
    inner join clients on applications.client_id = clients.client_id
    inner join closed_weeks on applications.applied_week_starts_on = closed_weeks.week_starts_on
    where closed_weeks.weeks_ago between 5 and 16
),

ranks as (select unnest([3, 5, 6]) as stage_rank),      -- interview, offer, hired

counted as (
    select
        cohort.client_name,
        cohort.source,
        ranks.stage_rank,
        count(*) as application_count,
        count(*) filter (where cohort.furthest_stage_rank >= ranks.stage_rank) as reached_count,
        count(*) filter (where cohort.is_open) as cohort_open_count,
        count(cohort.days_to_hire) as hire_count,
        {{ metric('median_days_to_hire', 'cohort') }} as median_days
    from cohort
    cross join ranks
    group by grouping sets (
        (cohort.source, ranks.stage_rank), (cohort.source, ranks.stage_rank, cohort.client_name)
    )
),

rated as (
    select
        coalesce(client_name, {{ filter('client') }}) as client_name,
        upper(left(source, 1)) || substr(source, 2) as way_in,
        stage_rank,
        application_count,
        case when hire_count >= 5 then hire_count end as hire_count,
        case when hire_count >= 5 then median_days end as median_days,
        case when application_count >= 5 then {{ metric('stage_reached_share') }} end as reached_share,
        case when application_count >= 5 then {{ metric('cohort_open_share') }} end as open_share
    from counted
)

select
    client_name,
    way_in as source,
    max(application_count) as applications,
    max(reached_share) filter (where stage_rank = 3) as interview_rate,
    max(reached_share) filter (where stage_rank = 5) as offer_rate,
    max(reached_share) filter (where stage_rank = 6) as hire_rate,
    max(open_share) as open_share,
    max(hire_count) as hire_count,
    max(median_days) as median_days
from rated
group by client_name, way_in
order by client_name, applications desc, way_in
