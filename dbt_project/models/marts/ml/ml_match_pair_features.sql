with

spine as (select * from {{ ref('ml_match_spine') }}),

members as (select * from {{ ref('int_match_members') }}),

opportunities as (select * from {{ ref('ml_match_opportunity_features') }}),

asked_skills as (select * from {{ ref('stg_app__opportunity_skills_history') }}),

held_skills as (select * from {{ ref('int_match_held_skills') }}),

pair_counts as (select * from {{ ref('int_match_pair_counts') }}),

-- Places are compared strictly: what the request's own transaction wrote was not known to the model.
asked as (      -- one row per example and skill asked for at its request, with the level that the member held
    select
        spine.example_id,
        asked_skills.importance,
        asked_skills.min_level,
        asked_skills.importance * case when asked_skills.is_required then 2 else 1 end as weight,
        case when asked_skills.is_required then 1 else 0 end as required_count,
        case when held_skills.level >= asked_skills.min_level then 1 else 0 end as met_count,
        coalesce(held_skills.wanted_count, 0) as wanted_count,
        coalesce(held_skills.level, 0) as level
    from spine
    inner join asked_skills
        on
            spine.opportunity_id = asked_skills.opportunity_id
            and {{ known_before('asked_skills', 'spine') }}
    left join held_skills
        on
            spine.list_id = held_skills.list_id
            and asked_skills.skill_id = held_skills.skill_id
    where not asked_skills.is_deleted
),

fits as (      -- one row per example whose opportunity asked for skills; sums of whole numbers
    select
        example_id,
        count(*) as asked_count,
        sum(required_count) as required_count,
        sum(met_count) as met_count,
        sum(required_count * met_count) as met_required_count,
        sum(wanted_count) as wanted_count,
        sum(case when level < min_level then min_level - level else 0 end) as missing_level_count,
        sum(importance) as asked_importance,
        sum(met_count * importance) as met_importance,
        sum(weight) as asked_weight,
        -- millionths of the level asked for, up to all of it
        sum(
            weight * case
                when level >= min_level then 1000000
                else cast(round({{ safe_divide('1000000 * level', 'min_level') }}) as bigint)
            end
        ) as held_weight
    from asked
    group by example_id
),

pasts as (      -- one row per example: what was known of the pair
    {{ pit_join(
        'spine',
        'pair_counts',
        keys=['member_id', 'opportunity_id'],
        columns=[
            'impression_count', 'click_count', 'save_count', 'dismissal_count', 'application_count', 'last_shown_at'
        ],
        carried=['example_id', 'client_id', 'list_id', 'requested_at'],
        strategy='range'
    ) }}
),

compared as (
    select
        pasts.*,
        opportunities.is_opportunity_known as is_known,
        members.user_id is not null and opportunities.is_opportunity_known as are_known,
        opportunities.opportunity_level - members.level as level_gap,
        opportunities.opportunity_hours_per_week
        - cast(members.weekly_capacity_hours as {{ type_name('double precision') }}) as hours_gap,
        opportunities.is_remote,
        {{ array_holds('members.open_to', 'opportunities.opportunity_kind') }} as is_open_to_kind,
        members.org_unit_id = opportunities.org_unit_id as is_same_org_unit,
        members.location_id = opportunities.location_id as is_same_location,
        members.job_family = opportunities.opportunity_job_family as is_same_job_family
    from pasts
    inner join members on pasts.list_id = members.list_id
    inner join opportunities on pasts.example_id = opportunities.example_id
),

pair_features as (
    select
        compared.example_id,
        compared.client_id,
        {%- for count, name, known in [
            ('asked', 'opportunity_skill_count', 'is'),
            ('required', 'opportunity_required_skill_count', 'is'),
            ('met', 'matched_skill_count', 'are'),
            ('met_required', 'matched_required_skill_count', 'are'),
            ('wanted', 'wanted_skill_count', 'are'),
            ('missing_level', 'missing_skill_levels', 'are'),
        ] %}
        cast(case when compared.{{ known }}_known then coalesce(fits.{{ count }}_count, 0) end as integer)
            as {{ name }},
        {%- endfor %}
        case
            when compared.are_known
                then {{ rounded(safe_divide('fits.met_importance', 'fits.asked_importance'), 6) }}
        end as skill_coverage,
        case
            when compared.are_known
                then {{ rounded(safe_divide('fits.held_weight', '(1000000 * fits.asked_weight)'), 6) }}
        end as skill_fit,
        cast(compared.level_gap as integer) as level_gap,
        cast(abs(compared.level_gap) as integer) as level_distance,
        compared.hours_gap,
        {%- for activity in ['impression', 'click', 'save', 'dismissal', 'application'] %}
        cast(coalesce(compared.{{ activity }}_count, 0) as integer) as pair_{{ activity }}s,
        {%- endfor %}
        {{ rounded(seconds_between('compared.last_shown_at', 'compared.requested_at') ~ ' / 86400', 6) }}
            as pair_days_since_shown,
        compared.is_open_to_kind,
        compared.is_same_org_unit,
        compared.is_same_location,
        compared.is_same_job_family,
        case when compared.are_known then compared.is_remote or coalesce(compared.is_same_location, false) end
            as is_near
    from compared
    left join fits on compared.example_id = fits.example_id
)

select * from pair_features
