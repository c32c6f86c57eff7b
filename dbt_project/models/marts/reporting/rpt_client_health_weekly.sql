with

weeks as (select * from {{ ref('int_client_weeks') }}),

health_weeks as (select * from {{ ref('fct_client_health_week') }}),

weights as (select * from {{ ref('client_health_weights') }}),

{% set components = [
    'active_seat_share', 'postings_per_100_members', 'median_days_to_first_application', 'fill_rate',
    'positive_feedback_share', 'freshness_share'
] -%}
measures as (      -- one row per client, week and component
    {%- for component in components %}
    select
        client_id,
        week_starts_on,
        '{{ component }}' as component,
        {{ component }} as measure
    from health_weeks
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

scored as (      -- one row per client, week and known component
    select
        measures.client_id,
        measures.week_starts_on,
        measures.component,
        measures.measure,
        weights.weight,
        100 * {{ least_known(greatest_known(
            '(measures.measure - weights.zero_at) / (weights.full_at - weights.zero_at)', '0'
        ), '1') }} as points
    from measures
    inner join weights on measures.component = weights.component
    where measures.measure is not null
),

pivoted as (      -- one row per client and week
    select
        client_id,
        week_starts_on,
        {%- for component in components %}
        max(case when component = '{{ component }}' then measure end) as {{ component }},
        max(case when component = '{{ component }}' then points end) as {{ component }}_points,
        {%- endfor %}
        sum(weight) as known_weight,
        sum(weight * points) as weighted_points
    from scored
    group by client_id, week_starts_on
),

final as (
    select
        weeks.client_id,
        weeks.client_slug,
        weeks.client_name,
        {{ metric('health_score', 'pivoted') }} as health_score,
        coalesce(pivoted.known_weight, 0) as known_weight,
        coalesce(pivoted.weighted_points, 0) as weighted_points,
        {%- for component in components %}
        pivoted.{{ component }},
        pivoted.{{ component }}_points,
        {%- endfor %}
        weeks.is_complete_week,
        weeks.week_starts_on
    from weeks
    left join pivoted
        on
            weeks.client_id = pivoted.client_id
            and weeks.week_starts_on = pivoted.week_starts_on
)

select * from final
