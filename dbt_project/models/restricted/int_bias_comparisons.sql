with

counts as (select * from {{ ref('int_bias_counts') }}),

known as (
    select
        *,
        sum(n) over (
            partition by model_version_id, client_slug, tool_stage, metric, dimension
        ) as known_n
    from counts
    where not is_unknown
),

included as (      -- the rule of two percent
    select *
    from known
    where 50 * n >= known_n
),

ranked as (
    select
        *,
        row_number() over (
            partition by model_version_id, client_slug, tool_stage, metric, dimension
            order by cast(selected as {{ type_name('double precision') }}) / n desc, n desc, category asc
        ) as place
    from included
),

best as (
    select *
    from ranked
    where place = 1
),

final as (
    select
        ranked.model_version_id,
        ranked.client_slug,
        ranked.tool_stage,
        ranked.metric,
        ranked.dimension,
        ranked.category,
        best.category as benchmark_category,
        case
            when ranked.place = 1 then null
            when
                ranked.n + best.n < 30
                or cast({{ least_known('ranked.n', 'best.n') }} as {{ type_name('double precision') }})
                * {{ least_known(
                    'ranked.selected + best.selected',
                    'ranked.n + best.n - ranked.selected - best.selected'
                ) }}
                < 5 * (ranked.n + best.n)
                then 'fisher'
            else 'z'
        end as test_used,
        ranked.n,
        ranked.selected,
        best.n as best_n,
        best.selected as best_selected,
        {{ log_rate_variance('ranked') }} as log_variance,
        {{ log_rate_variance('best') }} as best_log_variance
    from ranked
    inner join best
        on
            ranked.model_version_id = best.model_version_id
            and ranked.client_slug = best.client_slug
            and ranked.tool_stage = best.tool_stage
            and ranked.metric = best.metric
            and ranked.dimension = best.dimension
)

select * from final
