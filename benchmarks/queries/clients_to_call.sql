-- Which clients should the account team call this week, and why? Thirteen closed weeks beside the thirteen
-- before, for every client: hiring, matching, activity and health, each client among those of its size, the
-- three strongest reasons in words. Reads reports alone; rates are ratios of sums, no median is averaged.
with

overview as (select * from reporting.rpt_overview_weekly),

funnel as (select * from reporting.rpt_hiring_funnel_weekly),

fills as (select * from reporting.rpt_time_to_fill_weekly),

quality as (select * from reporting.rpt_recommendation_quality_weekly),

actives as (select * from reporting.rpt_weekly_active_members),

health as (select * from reporting.rpt_client_health_weekly),

weeks as (      -- one row per week of the last 26 that have ended everywhere; 1 is the newest
    select
        week_starts_on,
        row_number() over (order by week_starts_on desc) as weeks_ago,
        case
            when row_number() over (order by week_starts_on desc) <= 13 then 'now'
            else 'before'
        end as period
    from overview
    where client_id is null and is_complete_week
    qualify weeks_ago <= 26
),

hiring as (      -- one row per client
    select
        overview.client_id,
        any_value(overview.client_slug) as client_slug,
        any_value(overview.client_name) as client_name,
        arg_max(overview.member_count, overview.week_starts_on) as member_count,
        arg_max(overview.open_opportunity_count, overview.week_starts_on) as open_opportunity_count,
        sum(overview.application_count) filter (where weeks.period = 'now') as applications_now,
        sum(overview.application_count) filter (where weeks.period = 'before') as applications_before,
        sum(overview.hire_count) filter (where weeks.period = 'now') as hires_now,
        sum(overview.hire_count) filter (where weeks.period = 'before') as hires_before,
        sum(overview.internal_hire_count) filter (where weeks.period = 'now')
        / nullif(
            sum(overview.internal_hire_count + overview.external_hire_count)
            filter (where weeks.period = 'now'),
            0
        ) as internal_fill_rate_now,
        sum(overview.accepted_count) filter (where weeks.period = 'now')
        / nullif(sum(overview.mature_viewed_count) filter (where weeks.period = 'now'), 0) as acceptance_now,
        sum(overview.accepted_count) filter (where weeks.period = 'before')
        / nullif(sum(overview.mature_viewed_count) filter (where weeks.period = 'before'), 0)
            as acceptance_before
    from overview
    inner join weeks on overview.week_starts_on = weeks.week_starts_on
    where overview.client_id is not null
    group by overview.client_id
),

conversions as (      -- one row per client and kind of stage
    select
        funnel.client_id,
        funnel.stage_kind,
        sum(funnel.reached_count) filter (where weeks.period = 'now')
        / nullif(sum(funnel.previous_reached_count) filter (where weeks.period = 'now'), 0) as conversion_now,
        sum(funnel.reached_count) filter (where weeks.period = 'before')
        / nullif(sum(funnel.previous_reached_count) filter (where weeks.period = 'before'), 0)
            as conversion_before
    from funnel
    inner join weeks on funnel.week_starts_on = weeks.week_starts_on
    where funnel.stage_kind <> 'applied' and funnel.opportunity_kind = 'job'
    group by funnel.client_id, funnel.stage_kind
),

lost as (
    select
        *,
        conversion_before - conversion_now as conversion_lost
    from conversions
),

narrowest_stages as (      -- one row per client: the step that lost most against its own past
    select
        client_id,
        stage_kind as narrowest_stage,
        conversion_lost
    from lost
    qualify
        row_number() over (
            partition by client_id order by conversion_lost desc nulls last, stage_kind asc
        ) = 1
),

filling as (      -- one row per client
    select
        fills.client_id,
        sum(fills.opening_count) filter (where weeks.period = 'now') as openings_filled_now,
        sum(fills.opening_count) filter (where weeks.period = 'before') as openings_filled_before,
        arg_max(fills.median_days_to_fill, fills.week_starts_on) as newest_median_days_to_fill
    from fills
    inner join weeks on fills.week_starts_on = weeks.week_starts_on
    where fills.opportunity_kind = '(all)' and fills.client_id is not null
    group by fills.client_id
),

placements as (      -- one row per client, channel and position
    select
        quality.client_id,
        quality.channel,
        quality.position,
        sum(quality.impression_count) as impression_count,
        sum(quality.clicked_impression_count) as clicked_count
    from quality
    inner join weeks on quality.week_starts_on = weeks.week_starts_on
    where weeks.period = 'now'
    group by quality.client_id, quality.channel, quality.position
),

expected_clicks as (      -- the same rows, with the clicks that all clients together would have had there
    select
        *,
        impression_count * sum(clicked_count) over place / nullif(sum(impression_count) over place, 0)
            as expected_count
    from placements
    window place as (partition by channel, position)
),

channels as (      -- one row per client and channel; 1 is as good as elsewhere at the same places
    select
        client_id,
        channel,
        sum(clicked_count) / nullif(sum(expected_count), 0) as click_index,
        sum(sum(clicked_count)) over (partition by client_id)
        / nullif(sum(sum(expected_count)) over (partition by client_id), 0) as client_click_index
    from expected_clicks
    group by client_id, channel
    qualify row_number() over (partition by client_id order by click_index nulls last, channel) = 1
),

activity as (      -- one row per client: means over four weeks, and the slope over all 26
    select
        actives.client_id,
        sum(actives.active_member_count) filter (where weeks.weeks_ago <= 4)
        / nullif(sum(actives.member_count) filter (where weeks.weeks_ago <= 4), 0) as active_share_now,
        sum(actives.active_member_count) filter (where weeks.weeks_ago between 14 and 17)
        / nullif(sum(actives.member_count) filter (where weeks.weeks_ago between 14 and 17), 0)
            as active_share_before,
        -regr_slope(actives.active_member_count, weeks.weeks_ago) as members_a_week
    from actives
    inner join weeks on actives.week_starts_on = weeks.week_starts_on
    group by actives.client_id
),

health_steps as (      -- one row per client and week
    select
        health.client_id,
        health.week_starts_on,
        health.health_score,
        health.health_score
        < lag(health.health_score) over (partition by health.client_id order by health.week_starts_on)
            as has_fallen
    from health
    inner join weeks on health.week_starts_on = weeks.week_starts_on
),

last_rises as (
    select
        *,
        max(week_starts_on) filter (where has_fallen is not true) over (partition by client_id)
            as last_rise_on
    from health_steps
),

falls as (      -- one row per client: its score, and for how many weeks running it has fallen
    select
        client_id,
        arg_max(health_score, week_starts_on) as health_score,
        count(*) filter (where week_starts_on > last_rise_on) as weeks_falling
    from last_rises
    group by client_id
),

assembled as (      -- one row per client
    select
        hiring.*,
        narrowest_stages.narrowest_stage,
        narrowest_stages.conversion_lost,
        filling.openings_filled_now,
        filling.openings_filled_before,
        filling.newest_median_days_to_fill,
        channels.channel as weakest_channel,
        channels.click_index as weakest_click_index,
        channels.client_click_index,
        activity.active_share_now,
        activity.active_share_before,
        activity.members_a_week,
        falls.health_score,
        falls.weeks_falling,
        ntile(4) over (order by hiring.member_count) as size_class
    from hiring
    left join narrowest_stages on hiring.client_id = narrowest_stages.client_id
    left join filling on hiring.client_id = filling.client_id
    left join channels on hiring.client_id = channels.client_id
    left join activity on hiring.client_id = activity.client_id
    left join falls on hiring.client_id = falls.client_id
),

severities as (      -- one row per client; each 0 to 1 among clients of its size
    select
        client_id,
        narrowest_stage,
        weakest_channel,
        percent_rank() over (
            partition by size_class order by acceptance_before - acceptance_now nulls first
        ) as acceptance,
        percent_rank() over (
            partition by size_class order by active_share_before - active_share_now nulls first
        ) as activity,
        percent_rank() over (
            partition by size_class order by (hires_before - hires_now) / nullif(hires_before, 0) nulls first
        ) as hires,
        percent_rank() over (
            partition by size_class
            order by
                (openings_filled_before - openings_filled_now) / nullif(openings_filled_before, 0) nulls first
        ) as fills,
        percent_rank() over (partition by size_class order by conversion_lost nulls first) as narrowing,
        percent_rank() over (partition by size_class order by -weakest_click_index nulls first) as clicks,
        percent_rank() over (partition by size_class order by weeks_falling nulls first) as health
    from assembled
),

signals as (      -- one row per client and thing that may be wrong
    select
        client_id,
        unnest([
            'acceptance', 'activity', 'hires', 'fills', narrowest_stage || ' stage', weakest_channel, 'health'
        ]) as reason,
        unnest([acceptance, activity, hires, fills, narrowing, clicks, health]) as severity
    from severities
),

strongest as (      -- the three strongest of each client
    select *
    from signals
    qualify row_number() over (partition by client_id order by severity desc, reason asc) <= 3
),

reasons as (      -- one row per client
    select
        client_id,
        sum(severity) as urgency,
        string_agg(reason, ', ' order by severity desc, reason asc) as reasons
    from strongest
    group by client_id
),

ranked as (
    select
        assembled.client_slug,
        assembled.client_name,
        reasons.reasons,
        round(reasons.urgency, 3) as urgency,
        rank() over (order by reasons.urgency desc) as place,
        assembled.member_count,
        assembled.open_opportunity_count,
        assembled.applications_now - assembled.applications_before as applications_change,
        assembled.hires_now - assembled.hires_before as hires_change,
        assembled.internal_fill_rate_now,
        assembled.newest_median_days_to_fill,
        assembled.active_share_now,
        assembled.members_a_week,
        assembled.client_click_index,
        assembled.health_score
    from assembled
    inner join reasons on assembled.client_id = reasons.client_id
)

select *
from ranked
order by place, client_slug
limit 25
