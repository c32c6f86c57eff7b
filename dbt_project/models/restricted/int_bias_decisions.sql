-- A table: read twice. It holds what members told, and so lies beside its sources.
{{ config(materialized='table') }}

with

recommendations as (select * from {{ ref('fct_recommendations') }}),

applications as (select * from {{ ref('fct_applications') }}),

demographics as (select * from {{ ref('stg_restricted__member_demographics') }}),

told as (      -- one row per member that told anything; answers are read once each, not for each decision
    select
        client_id,
        member_id,
        {{ told_category('sex') }} as sex_category,
        {{ told_category('race_ethnicity') }} as race_category
    from demographics
),

served as (      -- one row per model version, member and opportunity that it scored for a list
    select
        client_id,
        model_version_id,
        member_id,
        opportunity_id,
        min(rank) as best_rank,
        max(score) as best_score,
        max(requested_at) as decided_at
    from recommendations
    where requested_at > {{ earlier(cut_at(), var('bias_audit_days'), 'day') }}
    group by client_id, model_version_id, member_id, opportunity_id
),

medians as (      -- of the full sample: whoever did not tell is in it
    select
        client_id,
        model_version_id,
        {{ percentile('best_score', 0.5) }} as median_score
    from served
    group by client_id, model_version_id
),

decided as (      -- one row per application that a recommendation led to and that the hiring side decided
    select
        applications.client_id,
        recommendations.model_version_id,
        applications.member_id,
        applications.opportunity_id,
        applications.furthest_stage_rank,
        applications.decided_at
    from applications
    inner join recommendations on applications.recommendation_id = recommendations.recommendation_id
    where
        applications.status in ('hired', 'rejected')
        and applications.decided_at > {{ earlier(cut_at(), var('bias_audit_days'), 'day') }}
),

decisions as (
    select
        client_id,
        model_version_id,
        member_id,
        opportunity_id,
        'recommended' as tool_stage,
        'selection' as metric,
        best_rank <= {{ var('bias_audit_top_ranks') }} as is_selected,
        decided_at
    from served
    union all
    select
        served.client_id,
        served.model_version_id,
        served.member_id,
        served.opportunity_id,
        'recommended' as tool_stage,
        'scoring' as metric,
        served.best_score > medians.median_score as is_selected,
        served.decided_at
    from served
    inner join medians
        on served.client_id = medians.client_id and served.model_version_id = medians.model_version_id
    {%- for tool_stage, stage_kind in [
        ('shortlisted', 'screen'), ('interviewed', 'interview'), ('hired', 'hired'),
    ] %}
    union all
    select
        client_id,
        model_version_id,
        member_id,
        opportunity_id,
        '{{ tool_stage }}' as tool_stage,
        'selection' as metric,
        furthest_stage_rank >= {{ stage_rank("'" ~ stage_kind ~ "'") }} as is_selected,
        decided_at
    from decided
    {%- endfor %}
),

final as (
    select
        decisions.client_id,
        decisions.model_version_id,
        decisions.member_id,
        decisions.opportunity_id,
        decisions.tool_stage,
        decisions.metric,
        told.sex_category,
        told.race_category,
        decisions.is_selected,
        decisions.decided_at
    from decisions
    left join told on decisions.client_id = told.client_id and decisions.member_id = told.member_id
)

select * from final
