{{ config(materialized='table') }}

with

decisions as (select * from {{ ref('int_bias_decisions') }}),

clients as (select * from {{ ref('int_clients_zoned') }}),

opportunities as (      -- one row per opportunity and combination of answers, where both are known or one is
    select
        client_id,
        model_version_id,
        opportunity_id,
        tool_stage,
        metric,
        sex_category,
        race_category,
        count(*) as n,
        count(case when is_selected then 1 end) as selected
    from decisions
    group by client_id, model_version_id, opportunity_id, tool_stage, metric, sex_category, race_category
),

final as (
    {%- for dimension, category in [
        ('sex', 'sex_category'), ('race', 'race_category'),
        ('intersectional', "sex_category || ', ' || race_category"),
    ] %}
    {%- for is_over_all in [false, true] %}
    select
        opportunities.client_id,
        opportunities.model_version_id,
        opportunities.opportunity_id,
        {{ "'(all)'" if is_over_all else 'clients.client_slug' }} as client_slug,
        opportunities.tool_stage,
        opportunities.metric,
        '{{ dimension }}' as dimension,
        {{ category }} as category,
        cast(sum(opportunities.n) as bigint) as n,
        cast(sum(opportunities.selected) as bigint) as selected
    from opportunities
    inner join clients on opportunities.client_id = clients.client_id
    where {{ category }} is not null
    group by
        opportunities.client_id,
        opportunities.model_version_id,
        opportunities.opportunity_id,
        clients.client_slug,
        opportunities.tool_stage,
        opportunities.metric,
        {{ category }}
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
)

select * from final
