{{ config(materialized='table') }}

with

lists as (select * from {{ ref('int_match_lists') }}),

every_version as (select * from {{ ref('stg_app__member_skills_history') }}),

skill_versions as (      -- of members of whom lists are told; all in a full build
    {{ versions_told('every_version', 'member_skill_id', 'member_id', 'lists') }}
),

known as (      -- one row per list and skill of its member, as known before it
    {{ pit_set_join(
        'lists',
        'skill_versions',
        'stg_app__member_skills_history',
        key='member_id',
        id=['member_skill_id'],
        columns=['skill_id', 'level', 'is_wanted', 'is_deleted', 'deleted_at'],
        carried=['list_id']
    ) }}
),

held_skills as (      -- one row per list and skill that its member held
    select
        list_id,
        skill_id,
        max(level) as level,
        max(case when is_wanted then 1 else 0 end) as wanted_count
    from known
    where not is_deleted and deleted_at is null
    group by list_id, skill_id
)

select * from held_skills
