{{ config(materialized='table') }}

{%- set draws = {'sampled_eligible': range(1, 9), 'popularity': range(9, 13)} %}

with

eligible_kinds as (select * from {{ ref('int_match_eligible_kinds') }}),

open_days as (select * from {{ ref('int_match_open_days') }}),

axes as (
    select distinct
        list_id,
        count_of_all,
        weight_of_all
    from eligible_kinds
),

draws as (
    {%- for example_kind, numbers in draws.items() %}
    {%- set last_kind = loop.last %}
    {%- for number in numbers %}
    select
        {{ number }} as draw,
        '{{ example_kind }}' as example_kind
    {% if not (last_kind and loop.last) %}union all{% endif %}
    {%- endfor %}
    {%- endfor %}
),

drawn as (      -- one row per list and draw: a number on the axis of the kind of draw
    select
        axes.list_id,
        draws.draw,
        draws.example_kind,
        mod(
            {{ md5_number(
                "'" ~ var('match_negatives_seed') ~ "|' || cast(axes.list_id as " ~ type_name('text')
                ~ ") || '|' || cast(draws.draw as " ~ type_name('text') ~ ')'
            ) }},
            case
                when draws.example_kind = 'popularity' then axes.weight_of_all
                else axes.count_of_all
            end
        ) as spot
    from axes
    cross join draws
),

landed as (      -- the same, with the kind of opportunity and the place within it
    select
        drawn.list_id,
        drawn.draw,
        drawn.example_kind,
        eligible_kinds.client_id,
        eligible_kinds.requested_on,
        eligible_kinds.opportunity_kind,
        eligible_kinds._position,
        drawn.spot - case
            when drawn.example_kind = 'popularity' then eligible_kinds.weight_to - eligible_kinds.weight
            else eligible_kinds.count_to - eligible_kinds.opportunity_count
        end as spot
    from drawn
    inner join eligible_kinds
        on
            drawn.list_id = eligible_kinds.list_id
            and drawn.spot >= case
                when drawn.example_kind = 'popularity' then eligible_kinds.weight_to - eligible_kinds.weight
                else eligible_kinds.count_to - eligible_kinds.opportunity_count
            end
            and drawn.spot < case
                when drawn.example_kind = 'popularity' then eligible_kinds.weight_to
                else eligible_kinds.count_to
            end
),

by_number as (
    select *
    from landed
    where example_kind = 'sampled_eligible'
),

by_weight as (
    select
        *,
        spot + 1 as spot_end
    from landed
    where example_kind = 'popularity'
),

weighed as (      -- the one whose range of weights the spot lies in
    {{ pit_join(
        'by_weight', 'open_days', keys=['client_id', 'requested_on', 'opportunity_kind'],
        columns=['opportunity_id', 'popularity_weight', 'open_until'],
        carried=['list_id', 'draw', 'example_kind', '_position'],
        at='spot_end', since='weight_before', until='weight_to'
    ) }}
),

opportunities_drawn as (
    select
        by_number.list_id,
        by_number.draw,
        by_number.example_kind,
        by_number._position,
        open_days.opportunity_id,
        open_days.popularity_weight,
        open_days.open_until
    from by_number
    inner join open_days
        on
            by_number.client_id = open_days.client_id
            and by_number.requested_on = open_days.requested_on
            and by_number.opportunity_kind = open_days.opportunity_kind
            and by_number.spot + 1 = open_days.ordinal
    union all
    select
        list_id,
        draw,
        example_kind,
        _position,
        opportunity_id,
        popularity_weight,
        open_until
    from weighed
)

select * from opportunities_drawn
