{{ config(materialized='table') }}

with

lists as (select * from {{ ref('int_match_lists') }}),

skill_versions as (select * from {{ ref('stg_app__member_skills_history') }}),

held_skills as (      -- one row per list and skill that its member held
    select
        lists.list_id,
        skill_versions.skill_id,
        max(skill_versions.level) as level,
        max(case when skill_versions.is_wanted then 1 else 0 end) as wanted_count
    from lists
    inner join skill_versions
        on
            lists.member_id = skill_versions.member_id
            and {{ known_before('skill_versions', 'lists') }}
    where not skill_versions.is_deleted and skill_versions.deleted_at is null
    group by lists.list_id, skill_versions.skill_id
)

select * from held_skills
