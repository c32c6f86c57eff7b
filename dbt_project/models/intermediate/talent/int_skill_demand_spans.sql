with

opportunities as (select * from {{ ref('int_opportunities_versioned') }}),

asked_skills as (select * from {{ ref('stg_app__opportunity_skills_history') }}),

clients as (select * from {{ ref('int_clients_zoned') }}),

demands as (      -- one row per version of an open opportunity and of a skill that it requires
    select
        opportunities.client_id,
        opportunities.opportunity_id,
        asked_skills.skill_id,
        opportunities.openings,
        asked_skills.importance,
        asked_skills.min_level,
        {{ greatest_known('opportunities.valid_from', 'asked_skills.valid_from') }} as valid_from,
        {{ least_known('opportunities.valid_to', 'asked_skills.valid_to') }} as valid_to
    from opportunities
    inner join asked_skills
        on
            opportunities.opportunity_id = asked_skills.opportunity_id
            and (asked_skills.valid_to is null or opportunities.valid_from < asked_skills.valid_to)
            and (opportunities.valid_to is null or opportunities.valid_to > asked_skills.valid_from)
    where opportunities.is_open and asked_skills.is_required and not asked_skills.is_deleted
),

spans as (      -- what changed on a day counts at the end of it; half-open
    select
        demands.client_id,
        demands.opportunity_id,
        demands.skill_id,
        demands.openings,
        demands.importance,
        demands.min_level,
        {{ tenant_day('demands.valid_from', 'clients.time_zone') }} as asked_from_on,
        {{ tenant_day('demands.valid_to', 'clients.time_zone') }} as asked_to_on
    from demands
    inner join clients on demands.client_id = clients.client_id
),

lasting as (
    select *
    from spans
    where asked_to_on is null or asked_from_on < asked_to_on
)

select * from lasting
