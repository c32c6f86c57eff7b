with

held_skills as (select * from {{ ref('stg_app__member_skills_history') }}),

employments as (select * from {{ ref('int_member_employments') }}),

clients as (select * from {{ ref('int_clients_zoned') }}),

dated as (      -- one row per version; what changed on a day counts at the end of it
    select
        held_skills.*,
        {{ tenant_day('held_skills.valid_from', 'clients.time_zone') }} as valid_from_on,
        {{ tenant_day('held_skills.valid_to', 'clients.time_zone') }} as valid_to_on
    from held_skills
    inner join clients on held_skills.client_id = clients.client_id
    where not held_skills.is_deleted and held_skills.deleted_at is null
),

spans as (      -- no longer than the employment; half-open
    select
        dated.member_skill_id,
        dated.client_id,
        dated.skill_id,
        dated.level,
        {{ greatest_known('dated.valid_from_on', 'employments.hired_on') }} as held_from_on,
        {{ least_known('dated.valid_to_on', 'employments.terminated_on + 1') }} as held_to_on
    from dated
    inner join employments on dated.member_id = employments.member_id
),

lasting as (
    select *
    from spans
    where held_to_on is null or held_from_on < held_to_on
)

select * from lasting
