-- Tenant isolation: whatever a row points to belongs to the row's own client. tests/models/test_structure.py keeps the list whole.
{% set facts = {
    'fct_applications': ['member_id', 'opportunity_id'],
    'fct_application_stages': ['opportunity_id'],
    'fct_fills': ['opportunity_id'],
    'fct_recommendations': ['member_id', 'opportunity_id'],
    'fct_impressions': ['member_id', 'opportunity_id'],
    'fct_moves': ['member_id', 'opportunity_id'],
    'fct_sessions': ['member_id'],
    'fct_events': ['member_id'],
    'fct_member_day': ['member_id'],
} %}
with

members as (select distinct member_id, client_id from {{ ref('dim_member') }}),

opportunities as (select distinct opportunity_id, client_id from {{ ref('dim_opportunity') }}),

pairs as (
    {%- for fact, pointers in facts.items() %}
    select
        '{{ fact }}' as model,
        client_id,
        {{ 'member_id' if 'member_id' in pointers else 'cast(null as bigint) as member_id' }},
        {{ 'opportunity_id' if 'opportunity_id' in pointers else 'cast(null as bigint) as opportunity_id' }}
    from {{ checked_rows(ref(fact)) }}
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
