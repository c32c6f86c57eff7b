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

placed as (
    select
        members.*,
        dimensions.dimension,
        case when not dimensions.is_over_all then members.client_id end as audited_client_id,
        case when dimensions.is_over_all then '(all)' else clients.client_slug end as client_slug,
        case dimensions.dimension
            when 'sex' then members.sex_category
            when 'race' then members.race_category
            else members.sex_category || ', ' || members.race_category
        end as category
    from members
    inner join clients on members.client_id = clients.client_id
    cross join dimensions
),

final as (
    select
        audited_client_id as client_id,
        model_version_id,
        client_slug,
        tool_stage,
        metric,
        dimension,
        coalesce(category, 'Unknown') as category,
        cast(sum(n) as bigint) as n,
        cast(sum(selected) as bigint) as selected,
        count(*) as member_count,
        cast(sum(n * n) as bigint) as n_squares,
        cast(sum(n * selected) as bigint) as n_selected_products,
        cast(sum(selected * selected) as bigint) as selected_squares,
        category is null as is_unknown,
        min(first_decided_at) as first_decided_at,
        max(last_decided_at) as last_decided_at
    from placed
    group by audited_client_id, model_version_id, client_slug, tool_stage, metric, dimension, category
)

select * from final
