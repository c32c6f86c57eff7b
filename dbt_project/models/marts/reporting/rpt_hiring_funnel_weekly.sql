with

applications as (select * from {{ ref('fct_applications') }}),

weeks as (select * from {{ ref('int_client_weeks') }}),

stage_kinds as (      -- one row per kind of stage
    {%- for kind in var('stage_kinds') %}
    select
        '{{ kind }}' as stage_kind,
        {{ loop.index }} as stage_rank
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

furthest as (      -- one row per client, week, kind of opportunity and how far its applications came
    select
        client_id,
        applied_week_starts_on as week_starts_on,
        opportunity_kind,
        furthest_stage_rank,
        count(*) as application_count,
        count(case when is_open then 1 end) as open_count
    from applications
    group by client_id, applied_week_starts_on, opportunity_kind, furthest_stage_rank
),

cohorts as (      -- one row per client, week and kind of opportunity
    select
        client_id,
        week_starts_on,
        opportunity_kind,
        sum(application_count) as application_count,
        sum(open_count) as cohort_open_count
    from furthest
    group by client_id, week_starts_on, opportunity_kind
),

reached as (      -- one row per cohort and kind of stage; an application counts up to its furthest
    select
        cohorts.client_id,
        cohorts.week_starts_on,
        cohorts.opportunity_kind,
        cohorts.application_count,
        cohorts.cohort_open_count,
        stage_kinds.stage_kind,
        stage_kinds.stage_rank,
        sum(case
            when furthest.furthest_stage_rank >= stage_kinds.stage_rank then furthest.application_count else 0
        end) as reached_count,
        sum(case
            when furthest.furthest_stage_rank = stage_kinds.stage_rank then furthest.application_count else 0
        end) as stopped_count,
        sum(case
            when furthest.furthest_stage_rank = stage_kinds.stage_rank then furthest.open_count else 0
        end) as open_count
    from cohorts
    cross join stage_kinds
    inner join furthest
        on
            cohorts.client_id = furthest.client_id
            and cohorts.week_starts_on = furthest.week_starts_on
            and cohorts.opportunity_kind = furthest.opportunity_kind
    group by
        cohorts.client_id,
        cohorts.week_starts_on,
        cohorts.opportunity_kind,
        cohorts.application_count,
        cohorts.cohort_open_count,
        stage_kinds.stage_kind,
        stage_kinds.stage_rank
),

steps as (
    select
        *,
        coalesce(lag(reached_count) over (
            partition by client_id, week_starts_on, opportunity_kind order by stage_rank
        ), application_count) as previous_reached_count
    from reached
),

final as (
    select
        steps.client_id,
        weeks.client_slug,
        weeks.client_name,
        steps.opportunity_kind,
        steps.stage_kind,
        steps.stage_rank,
        cast(steps.application_count as integer) as application_count,
        cast(steps.reached_count as integer) as reached_count,
        cast(steps.previous_reached_count as integer) as previous_reached_count,
        cast(steps.stopped_count as integer) as stopped_count,
        cast(steps.open_count as integer) as open_count,
        cast(steps.cohort_open_count as integer) as cohort_open_count,
        {{ metric('stage_conversion_rate', 'steps') }} as conversion_rate,
        {{ metric('stage_reached_share', 'steps') }} as reached_share,
        {{ metric('cohort_open_share', 'steps') }} as open_share,
        weeks.is_complete_week,
        steps.week_starts_on
    from steps
    inner join weeks
        on
            steps.client_id = weeks.client_id
            and steps.week_starts_on = weeks.week_starts_on
)

select * from final
