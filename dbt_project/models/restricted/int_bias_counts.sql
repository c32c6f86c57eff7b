{{ config(materialized='table') }}

with

decisions as (select * from {{ ref('int_bias_decisions') }}),

clients as (select * from {{ ref('int_clients_zoned') }}),

dimensions as (      -- each over one client and over all
    {%- for dimension in ['sex', 'race', 'intersectional'] %}
    select
        '{{ dimension }}' as dimension,
        false as is_over_all
    union all
    select
        '{{ dimension }}' as dimension,
        true as is_over_all
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

members as (      -- one row per member with decisions of a model version, stage and metric
    select
        client_id,
        model_version_id,
        member_id,
        tool_stage,
        metric,
        sex_category,
        race_category,
        count(*) as n,
        count(case when is_selected then 1 end) as selected,
        min(decided_at) as first_decided_at,
        max(decided_at) as last_decided_at
    from decisions
    group by client_id, model_version_id, member_id, tool_stage, metric, sex_category, race_category
),

answers as (      -- one row per client, version, stage, metric and combination of answers; sums over members
    select
        client_id,
        model_version_id,
        tool_stage,
        metric,
        sex_category,
        race_category,
        count(*) as member_count,
        sum(n) as n,
        sum(selected) as selected,
        sum(n * n) as n_squares,
        sum(n * selected) as n_selected_products,
        sum(selected * selected) as selected_squares,
        min(first_decided_at) as first_decided_at,
        max(last_decided_at) as last_decided_at
    from members
    group by client_id, model_version_id, tool_stage, metric, sex_category, race_category
),

placed as (
    select
        answers.*,
        dimensions.dimension,
        case when not dimensions.is_over_all then answers.client_id end as audited_client_id,
        case when dimensions.is_over_all then '(all)' else clients.client_slug end as client_slug,
        case dimensions.dimension
            when 'sex' then answers.sex_category
            when 'race' then answers.race_category
            else answers.sex_category || ', ' || answers.race_category
        end as category
    from answers
    inner join clients on answers.client_id = clients.client_id
    cross join dimensions
),

final as (
    select
        placed.audited_client_id as client_id,
        placed.model_version_id,
        placed.client_slug,
        placed.tool_stage,
        placed.metric,
        placed.dimension,
        coalesce(placed.category, 'Unknown') as category,
        cast(sum(placed.n) as bigint) as n,
        cast(sum(placed.selected) as bigint) as selected,
        cast(sum(placed.member_count) as bigint) as member_count,
        cast(sum(placed.n_squares) as bigint) as n_squares,
        cast(sum(placed.n_selected_products) as bigint) as n_selected_products,
        cast(sum(placed.selected_squares) as bigint) as selected_squares,
        placed.category is null as is_unknown,
        min(placed.first_decided_at) as first_decided_at,
        max(placed.last_decided_at) as last_decided_at
    from placed
    group by
        placed.audited_client_id,
        placed.model_version_id,
        placed.client_slug,
        placed.tool_stage,
        placed.metric,
        placed.dimension,
        placed.category
)

select * from final
