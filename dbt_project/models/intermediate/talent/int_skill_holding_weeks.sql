with

weeks as (select * from {{ ref('int_client_weeks') }}),

held_skills as (select * from {{ ref('stg_app__member_skills_history') }}),

employments as (select * from {{ ref('int_member_employments') }}),

spans as (      -- one row per member, skill and version, no longer than the employment
    select
        held_skills.client_id,
        held_skills.skill_id,
        held_skills.level,
        held_skills.valid_from,
        held_skills.valid_to,
        employments.hired_on,
        employments.terminated_on
    from held_skills
    inner join employments on held_skills.member_id = employments.member_id
    where not held_skills.is_deleted and held_skills.deleted_at is null
),

holdings as (      -- one row per client, skill, week and level
    select
        weeks.client_id,
        spans.skill_id,
        weeks.week_starts_on,
        spans.level,
        count(*) as holder_count
    from weeks
    inner join spans
        on
            weeks.client_id = spans.client_id
            and weeks.as_of_at >= spans.valid_from
            and (spans.valid_to is null or weeks.as_of_at < spans.valid_to)
            and weeks.as_of_on >= spans.hired_on
            and (spans.terminated_on is null or weeks.as_of_on <= spans.terminated_on)
    group by weeks.client_id, spans.skill_id, weeks.week_starts_on, spans.level
)

select * from holdings
