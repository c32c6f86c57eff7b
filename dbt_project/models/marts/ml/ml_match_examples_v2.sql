{{ config(materialized=kept(), incremental_strategy='changed_examples') }}

with

spine as (select * from {{ ref('ml_match_spine') }}),

changed as (select * from {{ ref('int_match_requests_changed') }}),

lists as (select * from {{ ref('int_match_lists') }}),

members as (select * from {{ ref('int_match_member_features') }}),

member_activity as (select * from {{ ref('int_match_member_activity') }}),

opportunities as (select * from {{ ref('ml_match_opportunity_features') }}),

pairs as (select * from {{ ref('ml_match_pair_features') }}),

activities as (select * from {{ ref('ml_match_activity_features') }}),

labels as (select * from {{ ref('ml_match_labels') }}),

splits as (select * from {{ ref('ml_match_splits') }}),

examples as (
    select
        spine.example_id,
        lists.client_id,
        lists.member_id,
        spine.opportunity_id,
        spine.recommendation_id,
        cast(lists.request_id as {{ type_name('text') }}) as request_id,
        lists.subject_key,
        spine.example_kind,
        lists.model_version,
        spine.rank,
        spine.position,
        spine.score,
        spine.propensity,
        spine.sampling_probability,
        spine.is_exploration,

        ---------- features of request, member and opportunity
        lists.channel,
        lists.surface,
        lists.candidate_count,
        members.member_job_family,
        members.member_worker_type,
        members.member_level,
        members.member_tenure_days,
        members.member_capacity_hours,
        members.member_profile_completeness,
        members.member_skill_count,
        members.member_wanted_skill_count,
        members.member_mean_skill_level,
        opportunities.opportunity_kind,
        opportunities.opportunity_job_family,
        opportunities.opportunity_level,
        opportunities.opportunity_openings,
        opportunities.opportunity_hours_per_week,
        opportunities.opportunity_age_days,
        opportunities.opportunity_days_to_start,
        opportunities.is_remote,
        pairs.opportunity_skill_count,
        pairs.opportunity_required_skill_count,
        pairs.matched_skill_count,
        pairs.matched_required_skill_count,
        pairs.wanted_skill_count,
        pairs.missing_skill_levels,
        pairs.skill_coverage,
        pairs.skill_fit,
        pairs.level_gap,
        pairs.level_distance,
        pairs.hours_gap,
        pairs.pair_impressions,
        pairs.pair_clicks,
        pairs.pair_saves,
        pairs.pair_dismissals,
        pairs.pair_applications,
        pairs.pair_days_since_shown,
        pairs.is_open_to_kind,
        pairs.is_same_org_unit,
        pairs.is_same_location,
        pairs.is_same_job_family,
        pairs.is_near,
        member_activity.member_applications,
        member_activity.member_applications_7d,
        member_activity.member_applications_30d,
        member_activity.member_applications_90d,
        member_activity.member_impressions_7d,
        member_activity.member_impressions_30d,
        member_activity.member_impressions_90d,
        member_activity.member_clicks_7d,
        member_activity.member_clicks_30d,
        member_activity.member_clicks_90d,
        activities.opportunity_applications,
        activities.opportunity_applications_7d,
        activities.opportunity_applications_30d,
        activities.opportunity_applications_90d,
        activities.opportunity_impressions_7d,
        activities.opportunity_impressions_30d,
        activities.opportunity_impressions_90d,
        activities.opportunity_clicks_7d,
        activities.opportunity_clicks_30d,
        activities.opportunity_clicks_90d,
        member_activity.member_application_rate_90d,
        member_activity.member_click_rate_90d,
        activities.opportunity_application_rate_90d,
        activities.opportunity_click_rate_90d,
        labels.label_click_24h,
        labels.label_save_14d,
        labels.label_apply_14d,
        labels.label_advance_30d,
        labels.label_hired_90d,
        labels.is_apply_attributed,
        labels.negative_kind,
        labels.click_24h_known_at,
        labels.save_14d_known_at,
        labels.apply_14d_known_at,
        labels.advance_30d_known_at,
        labels.hired_90d_known_at,

        ---------- flags and moments
        not members.is_member_known or not opportunities.is_opportunity_known as is_left_censored,
        lists.is_before_log,
        lists.is_in_history_gap,
        splits.is_member_cold,
        splits.is_opportunity_cold,
        splits.is_client_holdout,
        splits.entity_bucket,
        lists.requested_on,
        lists.requested_at,
        spine.shown_at,
        spine.anchored_at,
        spine.known_at,
        lists._epoch,
        lists._lsn
    from spine
    inner join lists on spine.list_id = lists.list_id
    inner join members on spine.list_id = members.list_id
    inner join member_activity on spine.list_id = member_activity.list_id
    inner join opportunities on spine.example_id = opportunities.example_id
    inner join pairs on spine.example_id = pairs.example_id
    inner join activities on spine.example_id = activities.example_id
    inner join labels on spine.example_id = labels.example_id
    inner join splits on spine.example_id = splits.example_id
    {{ where_told('spine.example_id') }}
)

select * from examples
