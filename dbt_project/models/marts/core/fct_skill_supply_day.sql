{%- set levels, counts = skill_levels(), skill_counts() -%}
{{
    config(
        materialized=kept(),
        incremental_strategy='changed_days',
        on_schema_change='fail'
    )
}}

with

every_change as (select * from {{ ref('int_skill_supply_changes') }}),

changed as (select * from {{ ref('int_skill_days_changed') }}),

changes as (      -- as they are known now
    {{ told_now('every_change', ['client_id', 'skill_id', 'changed_on']) }}
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
    from changes
),

spells as (      -- one row per client, skill and span of told days with the same counts
    select
        running.*,
        coalesce(cast(round(
            cast(running.levels_times_seats as numeric(18, 6)) / nullif(running.seat_count, 0)
        ) as integer), 1) as required_level,
        {{ greatest_known('running.changed_on', first_told_on()) }} as spell_from_on,
        {{ least_known('running.next_changed_on', 'changed.last_on + 1') }} as spell_to_on
    from running
    inner join changed on running.client_id = changed.client_id
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
    where spell_from_on < spell_to_on
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
