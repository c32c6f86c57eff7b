-- Each example is a seen impression; nobody without present consent is among them; no label is known before its time.
with

examples as (select * from {{ ref('ml_match_examples_v1') }}),

impressions as (select * from {{ ref('fct_impressions') }}),

consents as (select * from {{ ref('stg_app__consents') }})

select examples.example_id
from examples
left join impressions on examples.example_id = impressions.impression_id
where
    impressions.impression_id is null
    or examples.requested_at > examples.shown_at
    or (examples.label_apply_14d is not null and examples.label_matures_at > {{ cut_at() }})
    or not exists (
        select 1
        from consents
        where
            consents.member_id = examples.member_id
            and consents.purpose = 'ml_training'
            and consents.withdrawn_at is null
    )
