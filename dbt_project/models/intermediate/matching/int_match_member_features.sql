{{ config(materialized='table') }}

with

spine as (select * from {{ ref('int_match_spine') }}),

member_versions as (select * from {{ ref('stg_app__members_history') }}),

job_versions as (select * from {{ ref('stg_app__job_architecture_history') }}),

skill_versions as (select * from {{ ref('stg_app__member_skills_history') }}),

skill_counts as (      -- one row per impression whose member held skills
    select
        spine.impression_id,
        count(*) as skill_count
    from spine
    inner join skill_versions
        on
            spine.member_id = skill_versions.member_id
            and {{ known_before('skill_versions', 'spine') }}
    where not skill_versions.is_deleted and skill_versions.deleted_at is null
    group by spine.impression_id
),

member_features as (      -- one row per impression whose member was known
    select
        spine.impression_id,
        member_versions.org_unit_id,
        member_versions.location_id,
        job_versions.job_family,
        member_versions.open_to,
        member_versions.level,
        member_versions.weekly_capacity_hours,
        member_versions.profile_completeness,
        {{ days_between('member_versions.hired_on', 'cast(spine.requested_at as date)') }} as tenure_days,
        coalesce(skill_counts.skill_count, 0) as skill_count
    from spine
    inner join member_versions
        on
            spine.member_id = member_versions.member_id
            and {{ known_before('member_versions', 'spine') }}
            and not member_versions.is_deleted
    left join job_versions
        on
            member_versions.job_architecture_id = job_versions.job_architecture_id
            and {{ known_before('job_versions', 'spine') }}
            and not job_versions.is_deleted
    left join skill_counts on spine.impression_id = skill_counts.impression_id
)

select * from member_features
