-- Each example is a seen impression, or was drawn for a request of which something was seen; nobody without present consent is among
-- them; no label is known before its time.
with

examples as (select * from {{ ref('ml_match_examples_v2') }}),

sights as (select * from {{ ref('stg_app__match_impressions_history') }}),

consents as (select * from {{ ref('stg_app__consents') }}),

seen as (select distinct impression_id from sights)

select examples.example_id
from examples
left join seen on examples.example_id = 64 * seen.impression_id
where
    (examples.example_kind = 'impression') <> (examples.shown_at is not null)
    or (examples.example_kind = 'impression' and seen.impression_id is null)
    or (examples.example_kind <> 'impression') <> (examples.sampling_probability is not null)
    or examples.requested_at > examples.anchored_at
    or (
        examples.label_apply_14d is not null
        and {{ later('examples.anchored_at', 14, 'day') }} > {{ cut_at() }}
    )
    or not exists (
        select 1
        from consents
        where
            consents.member_id = examples.member_id
            and consents.purpose = 'ml_training'
            and consents.withdrawn_at is null
    )
