{{ config(materialized='table', contract={'enforced': true}) }}

with

counts as (select * from {{ ref('int_bias_counts') }}),

comparisons as (select * from {{ ref('int_bias_comparisons') }}),

exact_tests as (select * from {{ ref('int_bias_exact_tests') }}),

pooled as (select * from {{ ref('int_bias_pooled') }}),

model_versions as (select * from {{ ref('dim_model_version') }}),

cuts as (select * from {{ ref('int_current_cut') }}),

samples as (
    select
        *,
        sum(case when not is_unknown then n else 0 end) over (
            partition by model_version_id, client_slug, tool_stage, metric, dimension
        ) as known_n,
        min(first_decided_at) over (
            partition by model_version_id, client_slug, tool_stage, metric
        ) as period_start_at,
        max(last_decided_at) over (
            partition by model_version_id, client_slug, tool_stage, metric
        ) as period_end_at
    from counts
),

measured as (
    select
        *,
        {{ metric('impact_ratio') }} as impact_ratio,
        1.959963984540054 * sqrt(log_variance + best_log_variance) as log_margin,
        {{ is_below_four_fifths('selected', 'n', 'best_selected', 'best_n') }} as adverse_impact,
        case
            when test_used is not null then {{ two_proportion_z('selected', 'n', 'best_selected', 'best_n') }}
        end as z,
        {{ selections_short('selected', 'n', 'best_selected', 'best_n') }} as shortfall
    from comparisons
),

final as (
    select
        cuts.cut_id as audit_id,
        samples.client_id,
        samples.model_version_id,
        samples.client_slug,
        model_versions.model_label,
        samples.tool_stage,
        samples.metric,
        samples.dimension,
        samples.category,
        measured.benchmark_category,
        measured.test_used,
        samples.n,
        samples.selected,
        samples.member_count,
        cast(samples.known_n as bigint) as known_n,
        measured.best_n,
        measured.best_selected,
        measured.shortfall,
        pooled.stratum_count,
        {{ metric('selection_rate', 'samples') }} as rate,
        case when not samples.is_unknown then {{ metric('audited_share', 'samples') }} end as share,
        measured.impact_ratio,
        case
            when measured.test_used is not null then measured.impact_ratio * exp(-measured.log_margin)
        end as ir_ci_low,
        case
            when measured.test_used is not null then measured.impact_ratio * exp(measured.log_margin)
        end as ir_ci_high,
        measured.z,
        case measured.test_used
            when 'fisher' then exact_tests.p_value
            when 'z' then {{ normal_two_sided('measured.z') }}
        end as p_value,
        pooled.impact_ratio as pooled_impact_ratio,
        pooled.z as pooled_z,
        {{ normal_two_sided('pooled.z') }} as pooled_p_value,
        measured.adverse_impact,
        samples.is_unknown,
        not samples.is_unknown and measured.category is null as is_excluded_lt2pct,
        samples.period_start_at,
        samples.period_end_at,
        cuts.cut_at
    from samples
    cross join cuts
    left join model_versions on samples.model_version_id = model_versions.model_version_id
    {%- for joined in ['measured', 'exact_tests', 'pooled'] %}
    left join {{ joined }}
        on
            samples.model_version_id = {{ joined }}.model_version_id
            and samples.client_slug = {{ joined }}.client_slug
            and samples.tool_stage = {{ joined }}.tool_stage
            and samples.metric = {{ joined }}.metric
            and samples.dimension = {{ joined }}.dimension
            and samples.category = {{ joined }}.category
            and not samples.is_unknown
    {%- endfor %}
)

select * from final
