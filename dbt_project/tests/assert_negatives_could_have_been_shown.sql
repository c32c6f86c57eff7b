-- A drawn opportunity was open at the request and of a kind that its member was open to, as known then, was not seen in that list, and is there once for each
-- kind of draw; probabilities are probabilities.
with

negatives as (select * from {{ ref('ml_match_negatives') }}),

examples as (select * from {{ ref('ml_match_examples_v2') }}),

opportunities as (select * from {{ ref('ml_match_opportunity_features') }}),

seen as (
    select distinct
        request_id,
        opportunity_id
    from examples
    where example_kind = 'impression'
),

repeated as (
    select
        list_id,
        example_kind,
        opportunity_id
    from negatives
    group by list_id, example_kind, opportunity_id
    having count(*) > 1
)

select examples.example_id
from negatives
inner join examples on negatives.example_id = examples.example_id
inner join opportunities on negatives.example_id = opportunities.example_id
left join seen
    on examples.request_id = seen.request_id and negatives.opportunity_id = seen.opportunity_id
where
    seen.request_id is not null
    or opportunities.opportunity_status is null
    or opportunities.opportunity_status <> 'open'
    or examples.is_open_to_kind is null
    or not examples.is_open_to_kind
    or negatives.sampling_probability <= 0
    or negatives.sampling_probability > 1
union all
select list_id as example_id
from repeated
