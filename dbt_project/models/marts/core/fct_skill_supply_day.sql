{%- set levels = range(1, 6) -%}
{%- set counts = [
    'opportunity_count', 'seat_count', 'weighted_seats_times_5', 'levels_times_seats', 'holder_count'
] -%}
{%- for level in levels %}{% do counts.append('holder_count_' ~ level) %}{% endfor -%}  {#- at it or above -#}
with

holdings as (select * from {{ ref('int_skill_holding_spans') }}),

demands as (select * from {{ ref('int_skill_demand_spans') }}),

weeks as (select * from {{ ref('int_client_weeks') }}),

clients as (      -- one row per client with the days that are told
    select
        client_id,
        {{ greatest_known(
            'min(week_starts_on)', 'max(as_of_on) + 1 - ' ~ var('skill_supply_days')
        ) }} as first_on,
        max(as_of_on) as last_on
    from weeks
    group by client_id
),

-- Counts change where a span begins or ends: changes are summed, and days without any cost nothing.
changes as (
    {%- for day, sign in [('asked_from_on', ''), ('asked_to_on', '-')] %}
    select
        client_id,
        skill_id,
        {{ day }} as changed_on,
        {{ sign }}1 as opportunity_count,
        {{ sign }}openings as seat_count,
        {{ sign }}openings * importance as weighted_seats_times_5,
        {{ sign }}openings * min_level as levels_times_seats,
        {%- for level in levels %}
        0 as holder_count_{{ level }},
        {%- endfor %}
        0 as holder_count
    from demands
    where {{ day }} is not null
    union all
    {%- endfor %}
    {%- for day, sign in [('held_from_on', ''), ('held_to_on', '-')] %}
    select
        client_id,
        skill_id,
        {{ day }} as changed_on,
        0 as opportunity_count,
        0 as seat_count,
        0 as weighted_seats_times_5,
        0 as levels_times_seats,
        {%- for level in levels %}
        case when level >= {{ level }} then {{ sign }}1 else 0 end as holder_count_{{ level }},
        {%- endfor %}
        {{ sign }}1 as holder_count
    from holdings
    where {{ day }} is not null
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

summed as (      -- one row per client, skill and day on which anything changed
    select
        client_id,
        skill_id,
        changed_on,
        {% for count in counts -%}
        cast(sum({{ count }}) as bigint) as {{ count }}{% if not loop.last %},{% endif %}
        {% endfor %}
    from changes
    group by client_id, skill_id, changed_on
),

running as (
    select
        client_id,
        skill_id,
        changed_on,
        {%- for count in counts %}
        sum({{ count }}) over (partition by client_id, skill_id order by changed_on) as {{ count }},
        {%- endfor %}
        lead(changed_on) over (partition by client_id, skill_id order by changed_on) as next_changed_on
    from summed
),

spells as (      -- one row per client, skill and span of told days with the same counts
    select
        running.*,
        coalesce(cast(round(
            cast(running.levels_times_seats as numeric(18, 6)) / nullif(running.seat_count, 0)
        ) as integer), 1) as required_level,
        {{ greatest_known('running.changed_on', 'clients.first_on') }} as spell_from_on,
        {{ least_known('running.next_changed_on', 'clients.last_on + 1') }} as spell_to_on
    from running
    inner join clients on running.client_id = clients.client_id
    where running.opportunity_count > 0 or running.holder_count > 0
),

supplied as (
    select
        *,
        case required_level
            {%- for level in levels %}
            when {{ level }} then holder_count_{{ level }}
            {%- endfor %}
            else 0
        end as supply_count,
        {{ days_between('spell_from_on', 'spell_to_on') }} as day_count
    from spells
),

days as (
    select *
    from supplied
    {{ repeated('supplied.day_count', 'day_number') }}
),

final as (
    select
        client_id,
        skill_id,
        cast(opportunity_count as integer) as opportunity_count,
        cast(seat_count as integer) as seat_count,
        required_level,
        cast(holder_count as integer) as holder_count,
        cast(supply_count as integer) as supply_count,
        cast(weighted_seats_times_5 as {{ type_name('double precision') }}) / 5 as demand_seats,
        spell_from_on + cast(day_number - 1 as integer) as date_on
    from days
)

select * from final
