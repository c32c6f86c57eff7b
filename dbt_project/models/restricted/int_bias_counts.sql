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
        placed.audited_client_id as client_id,
        placed.model_version_id,
        placed.client_slug,
        placed.tool_stage,
        placed.metric,
        placed.dimension,
        coalesce(placed.category, 'Unknown') as category,
        cast(sum(placed.n) as bigint) as n,
        cast(sum(placed.selected) as bigint) as selected,
        count(*) as member_count,
        cast(sum(placed.n * placed.n) as bigint) as n_squares,
        cast(sum(placed.n * placed.selected) as bigint) as n_selected_products,
        cast(sum(placed.selected * placed.selected) as bigint) as selected_squares,
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
