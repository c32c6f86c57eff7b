with

weeks as (select * from {{ ref('int_client_weeks') }}),

opportunities as (select * from {{ ref('int_opportunities_versioned') }}),

asked_skills as (select * from {{ ref('stg_app__opportunity_skills_history') }}),

logged_weeks as (      -- one row per client and week since the log began; nothing is known before
    select weeks.*
    from weeks
    where weeks.as_of_at >= (select min(asked_skills.valid_from) from asked_skills)
),

open_opportunities as (      -- one row per week and opportunity open at its end
    select
        logged_weeks.client_id,
        logged_weeks.week_starts_on,
        logged_weeks.as_of_at,
        opportunities.opportunity_id,
        opportunities.openings
    from logged_weeks
    inner join opportunities
        on
            logged_weeks.client_id = opportunities.client_id
            and opportunities.is_open
            and logged_weeks.as_of_at >= opportunities.valid_from
            and (opportunities.valid_to is null or logged_weeks.as_of_at < opportunities.valid_to)
),

demand as (      -- one row per client, skill and week
    select
        open_opportunities.client_id,
        asked_skills.skill_id,
        open_opportunities.week_starts_on,
        count(*) as opportunity_count,
        sum(open_opportunities.openings) as seat_count,
        sum(open_opportunities.openings * asked_skills.importance) as weighted_seats_times_5,
        sum(open_opportunities.openings * asked_skills.min_level) as levels_times_seats
    from open_opportunities
    inner join asked_skills
        on
            open_opportunities.opportunity_id = asked_skills.opportunity_id
            and asked_skills.is_required
            and not asked_skills.is_deleted
            and open_opportunities.as_of_at >= asked_skills.valid_from
            and (asked_skills.valid_to is null or open_opportunities.as_of_at < asked_skills.valid_to)
    group by open_opportunities.client_id, asked_skills.skill_id, open_opportunities.week_starts_on
)

select * from demand
