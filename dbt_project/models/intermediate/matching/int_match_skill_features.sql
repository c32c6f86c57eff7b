{{ config(materialized='table') }}

with

spine as (select * from {{ ref('int_match_spine') }}),

asked_skills as (select * from {{ ref('stg_app__opportunity_skills_history') }}),

held_skills as (select * from {{ ref('stg_app__member_skills_history') }}),

-- Positions are compared strictly: what the request's own transaction wrote was not known to the model.
asked as (      -- one row per impression and skill asked for at its request
    select
        spine.impression_id,
        spine.member_id,
        spine._position,
        asked_skills.skill_id,
        asked_skills.importance,
        asked_skills.min_level
    from spine
    inner join asked_skills
        on
            spine.opportunity_id = asked_skills.opportunity_id
            and {{ known_before('asked_skills', 'spine') }}
    where not asked_skills.is_deleted
),

matched as (      -- the same rows, with the level that the member held
    select
        asked.impression_id,
        asked.importance,
        coalesce(held_skills.level >= asked.min_level, false) as is_met
    from asked
    left join held_skills
        on
            asked.member_id = held_skills.member_id
            and asked.skill_id = held_skills.skill_id
            and {{ known_before('held_skills', 'asked') }}
            and not held_skills.is_deleted
            and held_skills.deleted_at is null
),

skill_features as (      -- one row per impression whose opportunity asked for skills
    select
        impression_id,
        count(*) as opportunity_skill_count,
        count(case when is_met then 1 end) as matched_skill_count,
        sum(importance) as asked_importance,
        sum(case when is_met then importance else 0 end) as matched_importance
    from matched
    group by impression_id
)

select * from skill_features
