-- One client asks: what do our people see, is it worth their while, and where does it lead them? 26 weeks,
-- from each single impression on: by channel, model version, kind of opportunity, and whether it lies outside
-- the member's own job family.
-- Asks with: set variable client_id = 1; set variable first_week_on = date '2026-03-02';
with

clients as (
    select *
    from marts.dim_client
    where client_id = getvariable('client_id')
),

impressions as (
    select *
    from marts.fct_impressions
    where
        client_id = getvariable('client_id')
        and week_starts_on >= getvariable('first_week_on')
        and week_starts_on < getvariable('first_week_on') + 182
        and is_click_mature
),

applications as (
    select *
    from marts.fct_applications
    where
        client_id = getvariable('client_id')
        and applied_week_starts_on >= getvariable('first_week_on')
        and applied_week_starts_on < getvariable('first_week_on') + 182
),

members as (
    select *
    from marts.dim_member
    where client_id = getvariable('client_id') and is_current
),

opportunities as (
    select *
    from marts.dim_opportunity
    where client_id = getvariable('client_id') and is_current
),

model_versions as (select * from marts.dim_model_version),

weekly as (      -- one row per week, version, channel, position, kind and side of the family's border
    select
        impressions.week_starts_on,
        impressions.model_version_id,
        impressions.channel,
        impressions.position,
        opportunities.opportunity_kind,
        members.job_family <> opportunities.job_family as is_outside_family,
        count(*) as impression_count,
        count(*) filter (where impressions.is_clicked) as clicked_count,
        count(*) filter (where impressions.is_exploration) as exploration_count,
        count(*) filter (where impressions.is_exploration and impressions.is_clicked)
            as exploration_clicked_count,
        sum(impressions.viewport_ms) as viewport_ms
    from impressions
    inner join members on impressions.member_id = members.member_id
    inner join opportunities on impressions.opportunity_id = opportunities.opportunity_id
    group by all
),

places as (      -- one row per channel and position: what a place is worth, whoever ranked
    select
        channel,
        position,
        sum(clicked_count) / sum(impression_count) as place_rate,
        sum(exploration_clicked_count) / nullif(sum(exploration_count), 0) as random_rate
    from weekly
    group by channel, position
),

expected as (
    select
        weekly.*,
        weekly.impression_count * places.place_rate as expected_count
    from weekly
    inner join places on weekly.channel = places.channel and weekly.position = places.position
),

segments as (      -- one row per week, version, channel, kind and side
    select
        week_starts_on,
        model_version_id,
        channel,
        opportunity_kind,
        is_outside_family,
        sum(impression_count) as impression_count,
        sum(clicked_count) as clicked_count,
        sum(expected_count) as expected_count,
        sum(viewport_ms) as viewport_ms
    from expected
    group by all
),

smoothed as (      -- the same rows, with four weeks of each segment together
    select
        *,
        sum(impression_count) over four_weeks as impressions_4w,
        sum(clicked_count) over four_weeks as clicks_4w,
        sum(expected_count) over four_weeks as expected_4w,
        row_number() over (
            partition by model_version_id, channel, opportunity_kind, is_outside_family
            order by week_starts_on desc
        ) as weeks_ago
    from segments
    window four_weeks as (
        partition by model_version_id, channel, opportunity_kind, is_outside_family
        order by week_starts_on
        rows between 3 preceding and current row
    )
),

latest as (      -- one row per segment: its newest four weeks, and the four a quarter before
    select
        model_version_id,
        channel,
        opportunity_kind,
        is_outside_family,
        sum(impression_count) as impression_count,
        sum(clicked_count) as clicked_count,
        sum(viewport_ms) / nullif(sum(impression_count), 0) / 1000.0 as seconds_in_sight,
        max(clicks_4w / nullif(expected_4w, 0)) filter (where weeks_ago = 1) as click_index_now,
        max(clicks_4w / nullif(expected_4w, 0)) filter (where weeks_ago = 14) as click_index_before,
        max(clicks_4w) filter (where weeks_ago = 1) as clicks_4w
    from smoothed
    group by all
),

applied as (      -- one row per kind of opportunity and side: what people then applied for
    select
        opportunities.opportunity_kind,
        members.job_family <> opportunities.job_family as is_outside_family,
        count(*) as application_count,
        count(*) filter (where applications.recommendation_id is not null) as recommended_count,
        count(*) filter (where applications.is_hired) as hire_count,
        count(*) filter (where applications.is_hired and applications.recommendation_id is not null)
            as recommended_hire_count,
        count(*) filter (where applications.is_open) as open_count,
        median(applications.days_to_hire) as median_days_to_hire
    from applications
    inner join members on applications.member_id = members.member_id
    inner join opportunities on applications.opportunity_id = opportunities.opportunity_id
    group by all
),

applied_among as (      -- the same rows among all applications
    select
        *,
        recommended_count / application_count as recommended_share,
        hire_count / nullif(application_count - open_count, 0) as hire_rate,
        application_count / sum(application_count) over () as application_share,
        hire_count / nullif(sum(hire_count) over (partition by opportunity_kind), 0) as hire_share_of_kind
    from applied
),

compared as (      -- one row per segment, beside its channel and beside the other versions
    select
        latest.*,
        latest.impression_count / sum(latest.impression_count) over () as impression_share,
        rank() over (
            partition by latest.channel, latest.opportunity_kind, latest.is_outside_family
            order by latest.click_index_now desc nulls last
        ) as version_rank,
        latest.click_index_now
        - avg(latest.click_index_now) over (partition by latest.model_version_id, latest.opportunity_kind)
            as above_its_version
    from latest
    where latest.impression_count >= 20
),

final as (
    select
        clients.client_slug,
        model_versions.model_label,
        compared.channel,
        compared.opportunity_kind,
        case when compared.is_outside_family then 'other family' else 'own family' end as job_family,
        compared.impression_count,
        compared.clicked_count,
        round(compared.impression_share, 4) as impression_share,
        round(compared.seconds_in_sight, 2) as seconds_in_sight,
        round(compared.click_index_now, 3) as click_index_now,
        round(compared.click_index_now - compared.click_index_before, 3) as click_index_change,
        round(compared.above_its_version, 3) as above_its_version,
        compared.version_rank,
        applied_among.application_count,
        round(applied_among.application_share, 4) as application_share,
        round(applied_among.recommended_share, 4) as recommended_share,
        round(applied_among.hire_rate, 4) as hire_rate,
        round(applied_among.hire_share_of_kind, 4) as hire_share_of_kind,
        applied_among.median_days_to_hire
    from compared
    cross join clients
    inner join model_versions on compared.model_version_id = model_versions.model_version_id
    left join applied_among
        on
            compared.opportunity_kind = applied_among.opportunity_kind
            and compared.is_outside_family = applied_among.is_outside_family
)

select *
from final
order by impression_count desc, model_label asc, channel asc, opportunity_kind asc, job_family asc
limit 200
