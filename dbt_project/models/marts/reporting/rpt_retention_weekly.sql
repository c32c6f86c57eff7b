with

weeks as (select * from {{ ref('int_client_weeks') }}),

member_days as (select * from {{ ref('fct_member_day') }}),

member_weeks as (      -- one row per member and week with activity
    select distinct
        client_id,
        member_id,
        week_starts_on
    from member_days
),

cohort_members as (      -- one row per member ever active
    select
        client_id,
        member_id,
        min(week_starts_on) as cohort_week_starts_on,
        max(week_starts_on) as last_week_starts_on
    from member_weeks
    group by client_id, member_id
),

cohorts as (      -- one row per client and week in which somebody was first active
    select
        client_id,
        cohort_week_starts_on,
        count(*) as cohort_member_count,
        cohort_week_starts_on = min(cohort_week_starts_on) over (partition by client_id) as is_first_cohort
    from cohort_members
    group by client_id, cohort_week_starts_on
),

bounded as (      -- one row per cohort and week in which some of it were active
    select
        cohort_members.client_id,
        cohort_members.cohort_week_starts_on,
        member_weeks.week_starts_on,
        count(*) as bounded_member_count
    from cohort_members
    inner join member_weeks on cohort_members.member_id = member_weeks.member_id
    group by cohort_members.client_id, cohort_members.cohort_week_starts_on, member_weeks.week_starts_on
),

last_seen as (      -- one row per cohort and week that was the last one of some
    select
        client_id,
        cohort_week_starts_on,
        last_week_starts_on,
        count(*) as last_seen_member_count
    from cohort_members
    group by client_id, cohort_week_starts_on, last_week_starts_on
),

spined as (      -- one row per cohort and week from then on
    select
        cohorts.client_id,
        weeks.client_slug,
        weeks.client_name,
        cohorts.cohort_week_starts_on,
        cohorts.cohort_member_count,
        cohorts.is_first_cohort,
        weeks.week_starts_on,
        weeks.is_complete_week,
        {{ days_between('cohorts.cohort_week_starts_on', 'weeks.week_starts_on') }} / 7 as weeks_since,
        coalesce(bounded.bounded_member_count, 0) as bounded_member_count,
        sum(coalesce(last_seen.last_seen_member_count, 0)) over (
            partition by cohorts.client_id, cohorts.cohort_week_starts_on
            order by weeks.week_starts_on desc
        ) as unbounded_member_count,
        count(case when weeks.is_complete_week then 1 end) over (
            partition by cohorts.client_id, cohorts.cohort_week_starts_on
            order by weeks.week_starts_on desc
        ) as from_now_week_count
    from cohorts
    inner join weeks
        on
            cohorts.client_id = weeks.client_id
            and cohorts.cohort_week_starts_on <= weeks.week_starts_on
    left join bounded
        on
            cohorts.client_id = bounded.client_id
            and cohorts.cohort_week_starts_on = bounded.cohort_week_starts_on
            and weeks.week_starts_on = bounded.week_starts_on
    left join last_seen
        on
            cohorts.client_id = last_seen.client_id
            and cohorts.cohort_week_starts_on = last_seen.cohort_week_starts_on
            and weeks.week_starts_on = last_seen.last_week_starts_on
),

final as (
    select
        client_id,
        client_slug,
        client_name,
        cast(weeks_since as integer) as weeks_since,
        cast(cohort_member_count as integer) as cohort_member_count,
        cast(bounded_member_count as integer) as bounded_member_count,
        cast(unbounded_member_count as integer) as unbounded_member_count,
        cast(from_now_week_count - case when is_complete_week then 1 else 0 end as integer)
            as later_week_count,
        {{ metric('bounded_retention') }} as bounded_retention,
        {{ metric('unbounded_retention') }} as unbounded_retention,
        is_first_cohort,
        is_complete_week,
        cohort_week_starts_on,
        week_starts_on
    from spined
)

select * from final
