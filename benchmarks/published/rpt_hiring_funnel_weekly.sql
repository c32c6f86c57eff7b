-- One row per client, week, kind of opportunity and kind of stage.
with

cells as (
    select
        k,
        week_starts_on,
        is_complete_week,
        kind,
        stage_rank,
        30 + cast(30 * noise(i, stage_rank) as integer) as cohort
    from client_weeks
    cross join (select unnest(['job', 'gig', 'project', 'mentorship', 'stretch_role']) as kind)
    cross join range(1, 7) as ranks (stage_rank)
    where k < client_count()
)

select
    k + 1 as client_id,
    'client-' || (k + 1) as client_slug,
    'Client ' || (k + 1) as client_name,
    kind as opportunity_kind,
    ['applied', 'screen', 'interview', 'assessment', 'offer', 'hired'][stage_rank] as stage_kind,
    stage_rank,
    cohort as application_count,
    cast(cohort / stage_rank as integer) as reached_count,
    cast(cohort / greatest(stage_rank - 1, 1) as integer) as previous_reached_count,
    greatest(cast(cohort / stage_rank - cohort / (stage_rank + 1) as integer), 0) as stopped_count,
    cohort % 4 as open_count,
    cohort % 9 as cohort_open_count,
    reached_count / nullif(previous_reached_count, 0) as conversion_rate,
    reached_count / application_count as reached_share,
    cohort_open_count / application_count as open_share,
    is_complete_week,
    week_starts_on
from cells
