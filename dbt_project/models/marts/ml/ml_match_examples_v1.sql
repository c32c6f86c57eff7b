with

spine as (select * from {{ ref('int_match_spine') }}),

members as (select * from {{ ref('int_match_member_features') }}),

opportunities as (select * from {{ ref('int_match_opportunity_features') }}),

skills as (select * from {{ ref('int_match_skill_features') }}),

activities as (select * from {{ ref('int_match_activity_features') }}),

labels as (select * from {{ ref('int_match_labels') }}),

splits as (select * from {{ ref('int_match_splits') }}),

model_versions as (select * from {{ ref('dim_model_version') }}),

-- Aggregates are over integers; what is divided comes last and is rounded, so that a rebuild gives the
-- same bytes.
examples as (
    select
        spine.impression_id as example_id,
        spine.client_id,
        spine.member_id,
        spine.opportunity_id,
        spine.recommendation_id,
        cast(spine.request_id as {{ type_name('text') }}) as request_id,
        spine.subject_key,
        splits.split,
        spine.channel,
        spine.surface,
        model_versions.model_label as model_version,
        opportunities.opportunity_kind,
        members.job_family as member_job_family,
        opportunities.job_family as opportunity_job_family,
        spine.rank,
        spine.position,
        spine.candidate_count,
        spine.score,
        spine.propensity,
        members.level as member_level,
        cast(members.tenure_days as integer) as member_tenure_days,
        cast(members.weekly_capacity_hours as {{ type_name('double precision') }}) as member_capacity_hours,
        members.profile_completeness as member_profile_completeness,
        cast(members.skill_count as integer) as member_skill_count,
        cast(activities.member_applications_30d as integer) as member_applications_30d,
        opportunities.level as opportunity_level,
        opportunities.openings as opportunity_openings,
        cast(opportunities.hours_per_week as {{ type_name('double precision') }})
            as opportunity_hours_per_week,
        {{ rounded('opportunities.age_days', 6) }} as opportunity_age_days,
        cast(coalesce(skills.opportunity_skill_count, 0) as integer) as opportunity_skill_count,
        cast(activities.opportunity_applications_30d as integer) as opportunity_applications_30d,
        cast(coalesce(skills.matched_skill_count, 0) as integer) as matched_skill_count,
        {{ rounded(safe_divide('skills.matched_importance', 'skills.asked_importance'), 6) }}
            as skill_coverage,
        opportunities.level - members.level as level_gap,
        spine.is_exploration,
        {{ array_holds('members.open_to', 'opportunities.opportunity_kind') }} as is_open_to_kind,
        members.org_unit_id = opportunities.org_unit_id as is_same_org_unit,
        members.location_id = opportunities.location_id as is_same_location,
        members.job_family = opportunities.job_family as is_same_job_family,
        members.impression_id is null or opportunities.impression_id is null as is_left_censored,
        labels.label_click_24h,
        labels.label_apply_14d,
        spine.requested_at,
        spine.shown_at,
        labels.label_matures_at,
        spine._epoch,
        spine._lsn
    from spine
    inner join labels on spine.impression_id = labels.impression_id
    inner join splits on spine.impression_id = splits.impression_id
    inner join activities on spine.impression_id = activities.impression_id
    left join members on spine.impression_id = members.impression_id
    left join opportunities on spine.impression_id = opportunities.impression_id
    left join skills on spine.impression_id = skills.impression_id
    left join model_versions on spine.model_version_id = model_versions.model_version_id
)

select * from examples
