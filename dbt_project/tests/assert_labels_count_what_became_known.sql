-- Of the examples whose window has passed, as many are labelled true as have the fact; none is labelled before; a label and its time agree.
with

labels as (select * from {{ ref('ml_match_labels') }}),

spine as (select * from {{ ref('ml_match_spine') }}),

reactions as (select * from {{ ref('ml_match_reactions') }}),

outcomes as (select * from {{ ref('ml_match_outcomes') }}),

joined as (
    select
        labels.*,
        spine.anchored_at,
        reactions.save_14d_known_at as save_known_at,
        outcomes.apply_14d_known_at as apply_known_at,
        outcomes.advance_30d_known_at as advance_known_at,
        outcomes.hired_90d_known_at as hired_known_at
    from spine
    left join labels on spine.example_id = labels.example_id
    left join reactions on spine.example_id = reactions.example_id
    left join outcomes on spine.example_id = outcomes.example_id
)

{% for name, window in [('save', '14d'), ('apply', '14d'), ('advance', '30d'), ('hired', '90d')] %}
{%- set label = 'label_' ~ name ~ '_' ~ window %}
{%- set is_ripe = later('anchored_at', window[:-1] | int, 'day') ~ ' <= ' ~ cut_at() %}
select
    '{{ name }}' as label,
    count(case when {{ is_ripe }} and {{ name }}_known_at is not null then 1 end) as fact_count,
    count(case when {{ label }} then 1 end) as true_count,
    count(case when {{ is_ripe }} then 1 end) as ripe_count,
    count({{ label }}) as labelled_count,
    count({{ name }}_{{ window }}_known_at) as known_count
from joined
having
    count(case when {{ is_ripe }} and {{ name }}_known_at is not null then 1 end)
    <> count(case when {{ label }} then 1 end)
    or count(case when {{ is_ripe }} then 1 end) <> count({{ label }})
    or count({{ name }}_{{ window }}_known_at) <> count(case when {{ label }} then 1 end)
union all
{% endfor %}
select
    'click' as label,
    count(click_24h_known_at) as fact_count,
    count(case when label_click_24h then 1 end) as true_count,
    count(case when {{ later('anchored_at', 24, 'hour') }} <= {{ cut_at() }} then 1 end) as ripe_count,
    count(label_click_24h) as labelled_count,
    count(click_24h_known_at) as known_count
from joined
having
    count(click_24h_known_at) <> count(case when label_click_24h then 1 end)
    or count(case when {{ later('anchored_at', 24, 'hour') }} <= {{ cut_at() }} then 1 end) < count(label_click_24h)
