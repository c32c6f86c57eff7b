{{ config(materialized='table') }}

with

members as (select * from {{ ref('int_match_members') }}),

held_skills as (select * from {{ ref('int_match_held_skills') }}),

skill_sums as (      -- one row per list whose member held skills
    select
        list_id,
        count(*) as skill_count,
        sum(level) as level_sum,
        sum(wanted_count) as wanted_count
    from held_skills
    group by list_id
),

features as (      -- one row per list
    select
        members.list_id,
        members.job_family as member_job_family,
        members.worker_type as member_worker_type,
        members.level as member_level,
        cast({{ days_between('members.hired_on', 'members.requested_on') }} as integer) as member_tenure_days,
        cast(members.weekly_capacity_hours as {{ type_name('double precision') }}) as member_capacity_hours,
        members.profile_completeness as member_profile_completeness,
        cast(case when members.user_id is not null then coalesce(skill_sums.skill_count, 0) end as integer)
            as member_skill_count,
        cast(case when members.user_id is not null then coalesce(skill_sums.wanted_count, 0) end as integer)
            as member_wanted_skill_count,
        {{ rounded_ratio('skill_sums.level_sum', 'skill_sums.skill_count', 6) }}
            as member_mean_skill_level,
        members.user_id is not null as is_member_known
    from members
    left join skill_sums on members.list_id = skill_sums.list_id
)

select * from features
