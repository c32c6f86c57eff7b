-- Tenant isolation: whatever a row points to belongs to the row's own client.
with

members as (select distinct member_id, client_id from {{ ref('dim_member') }}),

opportunities as (select distinct opportunity_id, client_id from {{ ref('dim_opportunity') }}),

pairs as (
    select 'fct_applications' as model, client_id, member_id, opportunity_id from {{ ref('fct_applications') }}
    union all
    select 'fct_recommendations' as model, client_id, member_id, opportunity_id
    from {{ ref('fct_recommendations') }}
    union all
    select 'fct_impressions' as model, client_id, member_id, opportunity_id from {{ ref('fct_impressions') }}
    union all
    select 'fct_moves' as model, client_id, member_id, opportunity_id from {{ ref('fct_moves') }}
    union all
    select 'ml_match_examples_v1' as model, client_id, member_id, opportunity_id
    from {{ ref('ml_match_examples_v1') }}
    union all
    select 'fct_sessions' as model, client_id, member_id, null as opportunity_id from {{ ref('fct_sessions') }}
    union all
    select 'fct_events' as model, client_id, member_id, null as opportunity_id from {{ ref('fct_events') }}
    union all
    select 'fct_member_day' as model, client_id, member_id, null as opportunity_id
    from {{ ref('fct_member_day') }}
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
