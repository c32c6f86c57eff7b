{{ config(materialized='table') }}

with

decisions as (select * from {{ ref('int_bias_decisions') }}),

clients as (select * from {{ ref('int_clients_zoned') }}),

answers as (      -- one row per opportunity and combination of answers
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

categories as (      -- one row per opportunity, dimension and category of it
    {%- for dimension, category in [
        ('sex', 'sex_category'), ('race', 'race_category'),
        ('intersectional', "sex_category || ', ' || race_category"),
    ] %}
    select
        client_id,
        model_version_id,
        opportunity_id,
        tool_stage,
        metric,
        '{{ dimension }}' as dimension,
        {{ category }} as category,
        sum(n) as n,
        sum(selected) as selected
    from answers
    where {{ category }} is not null
    group by client_id, model_version_id, opportunity_id, tool_stage, metric, {{ category }}
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

compared as (      -- where there is one category alone nothing is compared
    select
        *,
        count(*) over (
            partition by model_version_id, opportunity_id, tool_stage, metric, dimension
        ) as category_count
    from categories
),

final as (
    {%- for is_over_all in [false, true] %}
    select
        compared.client_id,
        compared.model_version_id,
        compared.opportunity_id,
        {{ "'(all)'" if is_over_all else 'clients.client_slug' }} as client_slug,
        compared.tool_stage,
        compared.metric,
        compared.dimension,
        compared.category,
        cast(compared.n as bigint) as n,
        cast(compared.selected as bigint) as selected
    from compared
    inner join clients on compared.client_id = clients.client_id
    where compared.category_count > 1
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
)

select * from final
