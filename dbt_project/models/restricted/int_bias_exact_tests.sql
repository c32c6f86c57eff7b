with

comparisons as (select * from {{ ref('int_bias_comparisons') }}),

tables as (      -- with the fewest and the most that the category could have had selected, given the margins
    select
        *,
        selected + best_selected as all_selected,
        {{ greatest_known('0', 'selected + best_selected - best_n') }} as least_selected,
        {{ least_known('n', 'selected + best_selected') }} as most_selected
    from comparisons
    where test_used = 'fisher'
),

numbered as (
    select *
    from tables
    {{ repeated('cast(tables.most_selected - tables.least_selected + 1 as integer)', 'number') }}
),

possible as (
    select
        *,
        least_selected + number - 1 as k
    from numbered
),

weighed as (      -- logarithm of each possible table's probability, but for a constant
    select
        *,
        sum(
            case
                when number = 1 then cast(0 as {{ type_name('double precision') }})
                else
                    ln(cast(all_selected - k + 1 as {{ type_name('double precision') }}) * (n - k + 1))
                    - ln(cast(k as {{ type_name('double precision') }}) * (best_n - all_selected + k))
            end
        ) over (
            partition by model_version_id, client_slug, tool_stage, metric, dimension, category
            order by number
        ) as log_weight
    from possible
),

scaled as (
    select
        *,
        log_weight - max(log_weight) over (
            partition by model_version_id, client_slug, tool_stage, metric, dimension, category
        ) as scaled_weight,
        max(case when k = selected then log_weight end) over (
            partition by model_version_id, client_slug, tool_stage, metric, dimension, category
        ) as seen_weight
    from weighed
),

exponentiated as (      -- Postgres takes an underflow for an error
    select
        *,
        case when scaled_weight > -700 then exp(scaled_weight) else 0 end as weight
    from scaled
),

final as (      -- two-sided: tables no more probable than the one seen (to 1e-7, as R does)
    select
        model_version_id,
        client_slug,
        tool_stage,
        metric,
        dimension,
        category,
        sum(case when log_weight <= seen_weight + 1e-7 then weight else 0 end) / sum(weight) as p_value
    from exponentiated
    group by model_version_id, client_slug, tool_stage, metric, dimension, category
)

select * from final
