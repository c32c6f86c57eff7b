-- The weights of client health sum to 1, each component that is scored has one and no other has; scores lie in 0 to 100.
{% set components = [
    'active_seat_share', 'postings_per_100_members', 'median_days_to_first_application', 'fill_rate',
    'positive_feedback_share', 'freshness_share'
] -%}
with

weights as (select * from {{ ref('client_health_weights') }}),

known as (
    select
        client_id,
        week_starts_on,
        {% for component in components -%}
        case
            when {{ component }}_points is not null
                then (select max(weight) from weights where component = '{{ component }}')
            else 0
        end{% if not loop.last %}
        + {% endif %}
        {%- endfor %} as weight,
        known_weight,
        health_score
    from {{ ref('rpt_client_health_weekly') }}
)

select 'sum' as broken
from weights
having abs(sum(weight) - 1) > 1e-9 or count(*) <> {{ components | length }}
union all
select cast(week_starts_on as {{ type_name('text') }}) as broken
from known
where health_score < 0 or health_score > 100 or abs(known_weight - weight) > 1e-9 or weight is null
