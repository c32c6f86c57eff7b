-- Tenant isolation: the same of training examples, whose models are built more seldom than facts. tests/models/test_structure.py keeps the list whole.
with

members as (select distinct member_id, client_id from {{ ref('dim_member') }}),

opportunities as (select distinct opportunity_id, client_id from {{ ref('dim_opportunity') }}),

pairs as (
    {%- for examples in ['ml_match_examples_v2', 'ml_match_negatives', 'ml_match_spine'] %}
    select
        '{{ examples }}' as model,
        client_id,
        member_id,
        opportunity_id
    from {{ ref(examples) }}
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
)

select
    pairs.model,
    pairs.client_id,
    pairs.member_id,
    pairs.opportunity_id
from pairs
left join members on pairs.member_id = members.member_id
left join opportunities on pairs.opportunity_id = opportunities.opportunity_id
where pairs.client_id <> members.client_id or pairs.client_id <> opportunities.client_id
