{{ config(materialized='table', contract={'enforced': true}) }}

{%- set label_names = [
    'label_click_24h', 'label_save_14d', 'label_apply_14d', 'label_advance_30d', 'label_hired_90d'
] %}

with

spine as (select * from {{ ref('ml_match_spine') }}),

labels as (select * from {{ ref('ml_match_labels') }}),

subject_groups as (select * from {{ ref('int_match_subject_groups') }}),

clients as (select * from {{ ref('dim_client') }}),

dimensions as (      -- each over one client and over all
    {%- for dimension in ['sex', 'race'] %}
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

subjects as (      -- one row per person and label, of what they saw
    {%- for label in label_names %}
    select
        spine.subject_key,
        '{{ label }}' as label_name,
        count(*) as mature_count,
        count(case when labels.{{ label }} then 1 end) as positive_count
    from spine
    inner join labels on spine.example_id = labels.example_id
    where spine.example_kind = 'impression' and labels.{{ label }} is not null
    group by spine.subject_key
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

placed as (
    select
        case when not dimensions.is_over_all then subject_groups.client_id end as client_id,
        case when dimensions.is_over_all then '(all)' else clients.client_slug end as client_slug,
        dimensions.dimension,
        case
            when dimensions.dimension = 'sex' then subject_groups.sex_category
            else subject_groups.race_category
        end as category,
        subjects.label_name,
        subjects.mature_count,
        subjects.positive_count
    from subjects
    inner join subject_groups on subjects.subject_key = subject_groups.subject_key
    inner join clients on subject_groups.client_id = clients.client_id
    cross join dimensions
),

final as (
    select
        placed.client_id,
        placed.client_slug,
        placed.dimension,
        coalesce(placed.category, 'Unknown') as category,
        placed.label_name,
        count(*) as member_count,
        cast(sum(placed.mature_count) as bigint) as mature_count,
        cast(sum(placed.positive_count) as bigint) as positive_count,
        placed.category is null as is_unknown
    from placed
    group by placed.client_id, placed.client_slug, placed.dimension, placed.category, placed.label_name
)

select * from final
