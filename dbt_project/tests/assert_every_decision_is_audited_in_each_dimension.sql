-- The audit of a client, version, stage and metric counts the same decisions by sex, by race and by both; those of all clients are the clients' together.
with

audit as (select * from {{ ref('rpt_bias_audit') }}),

decisions as (
    select
        client_id,
        model_version_id,
        tool_stage,
        metric,
        count(*) as n,
        count(case when is_selected then 1 end) as selected
    from {{ ref('int_bias_decisions') }}
    group by client_id, model_version_id, tool_stage, metric
),

expected as (      -- one row per audited group and dimension
    {%- for dimension in ['sex', 'race', 'intersectional'] %}
    select
        client_id,
        model_version_id,
        tool_stage,
        metric,
        '{{ dimension }}' as dimension,
        n,
        selected
    from decisions
    union all
    select
        cast(null as bigint) as client_id,
        model_version_id,
        tool_stage,
        metric,
        '{{ dimension }}' as dimension,
        sum(n) as n,
        sum(selected) as selected
    from decisions
    group by model_version_id, tool_stage, metric
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

found as (
    select
        client_id,
        model_version_id,
        tool_stage,
        metric,
        dimension,
        sum(n) as n,
        sum(selected) as selected
    from audit
    group by client_id, model_version_id, tool_stage, metric, dimension
)

select
    expected.model_version_id,
    expected.tool_stage,
    expected.metric,
    expected.dimension
from expected
left join found
    on
        coalesce(expected.client_id, 0) = coalesce(found.client_id, 0)
        and expected.model_version_id = found.model_version_id
        and expected.tool_stage = found.tool_stage
        and expected.metric = found.metric
        and expected.dimension = found.dimension
where expected.n <> coalesce(found.n, 0) or expected.selected <> coalesce(found.selected, 0)
