{{ config(materialized=kept(), incremental_strategy='changed_examples') }}

with

every_example as (select * from {{ ref('ml_match_spine') }}),

changed as (select * from {{ ref('int_match_requests_changed') }}),

members as (select * from {{ ref('int_match_members') }}),

opportunities as (select * from {{ ref('ml_match_opportunity_features') }}),

asked_skills as (select * from {{ ref('stg_app__opportunity_skills_history') }}),

asked_totals as (select * from {{ ref('int_match_asked_totals') }}),

held_skills as (select * from {{ ref('int_match_held_skills') }}),

pair_counts as (select * from {{ ref('int_match_pair_counts') }}),

spine as (      -- those to be told again; all in a full build
    {{ examples_told('every_example') }}
),

-- Places are compared strictly: what the request's own transaction wrote was not known to the model.
asked_then as (      -- one row per example and skill asked for at its request
    {{ pit_set_join(
        'spine', 'asked_skills', 'stg_app__opportunity_skills_history', key='opportunity_id',
        id=['opportunity_id', 'skill_id'],
        columns=['skill_id', 'importance', 'min_level', 'is_required', 'is_deleted'], carried=['example_id', 'list_id']
    ) }}
),

met as (      -- those that the member held
    select
        asked_then.example_id,
        asked_then.importance,
        asked_then.min_level,
        asked_then.importance * case when asked_then.is_required then 2 else 1 end as weight,
        case when asked_then.is_required then 1 else 0 end as required_count,
        case when held_skills.level >= asked_then.min_level then 1 else 0 end as met_count,
        held_skills.wanted_count,
        held_skills.level
    from asked_then
    inner join held_skills
        on
            asked_then.list_id = held_skills.list_id
            and asked_then.skill_id = held_skills.skill_id
    where not asked_then.is_deleted
),

fits as (      -- one row per example whose member held some of the skills; sums of whole numbers
    select
        example_id,
        sum(met_count) as met_count,
        sum(required_count * met_count) as met_required_count,
        sum(wanted_count) as wanted_count,
        sum(case when level < min_level then level else min_level end) as held_level_count,
        sum(met_count * importance) as met_importance,
        -- millionths of the level asked for, up to all of it
        sum(
            weight * case
                when level >= min_level then 1000000
                else cast(round({{ safe_divide('1000000 * level', 'min_level') }}) as bigint)
            end
        ) as held_weight
    from met
    group by example_id
),

{%- set past = [
    'impression_count', 'click_count', 'save_count', 'dismissal_count', 'application_count', 'last_shown_at'
] %}

pasts as (      -- one row per example: what was known of the pair
    {{ pit_join(
        'spine', 'pair_counts', keys=['member_id', 'opportunity_id'], columns=past,
        carried=['example_id', 'client_id', 'list_id', 'opportunity_id', 'requested_at', '_position'],
        strategy=pit_strategy('int_match_pair_counts', ['member_id', 'opportunity_id'])
    ) }}
),

asked as (      -- the same, with what the opportunity asked for in all
    {{ pit_join(
        'pasts', 'asked_totals', keys=['opportunity_id'],
        columns=['asked_count', 'required_count', 'asked_level_count', 'asked_importance', 'asked_weight'],
        carried=['example_id', 'client_id', 'list_id', 'requested_at'] + past,
        strategy=pit_strategy('int_match_asked_totals', ['opportunity_id'])
    ) }}
),

compared as (
    select
        asked.*,
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
    from asked
    inner join members on asked.list_id = members.list_id
    inner join opportunities on asked.example_id = opportunities.example_id
),

pair_features as (
    select
        compared.example_id,
        compared.client_id,
        {%- for count, name, known in [
            ('compared.asked_count', 'opportunity_skill_count', 'is'),
            ('compared.required_count', 'opportunity_required_skill_count', 'is'),
            ('fits.met_count', 'matched_skill_count', 'are'),
            ('fits.met_required_count', 'matched_required_skill_count', 'are'),
            ('fits.wanted_count', 'wanted_skill_count', 'are'),
            ('compared.asked_level_count - coalesce(fits.held_level_count, 0)', 'missing_skill_levels', 'are'),
        ] %}
        cast(case when compared.{{ known }}_known then coalesce({{ count }}, 0) end as integer) as {{ name }},
        {%- endfor %}
        {%- for part, whole, name in [
            ('coalesce(fits.met_importance, 0)', 'compared.asked_importance', 'skill_coverage'),
            ('coalesce(fits.held_weight, 0)', '(1000000 * compared.asked_weight)', 'skill_fit'),
        ] %}
        case when compared.are_known then {{ rounded_ratio(part, whole, 6) }} end as {{ name }},
        {%- endfor %}
        cast(compared.level_gap as integer) as level_gap,
        cast(abs(compared.level_gap) as integer) as level_distance,
        compared.hours_gap,
        {%- for activity in ['impression', 'click', 'save', 'dismissal', 'application'] %}
        cast(coalesce(compared.{{ activity }}_count, 0) as integer) as pair_{{ activity }}s,
        {%- endfor %}
        {{ rounded_days_between('compared.last_shown_at', 'compared.requested_at') }}
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
