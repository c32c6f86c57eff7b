{{ config(materialized='table') }}

with

employments as (select * from {{ ref('int_member_employments') }}),

clients as (select * from {{ ref('stg_app__clients') }}),

consents as (select * from {{ ref('stg_app__consents') }}),

erasure_requests as (select * from {{ ref('stg_app__erasure_requests') }}),

training_consents as (      -- one row per member who ever consented to training
    select
        member_id,
        count(case when withdrawn_at is null then 1 end) as present_count
    from consents
    where purpose = 'ml_training'
    group by member_id
),

erased as (select distinct subject_user_id from erasure_requests),

-- As of now, not as of the row: the one rule where looking back would be wrong.
subjects as (
    select
        employments.member_id,
        employments.client_id,
        employments.user_id,
        {{ md5_of("'subject|' || cast(employments.user_id as " ~ type_name('text') ~ ')') }} as subject_key,
        case
            when erased.subject_user_id is not null then 'erasure requested'
            when clients.is_ml_opted_out then 'client opted out'
            when training_consents.member_id is null then 'never consented'
            when training_consents.present_count = 0 then 'consent withdrawn'
        end as left_out_reason
    from employments
    inner join clients on employments.client_id = clients.client_id
    left join training_consents on employments.member_id = training_consents.member_id
    left join erased on employments.user_id = erased.subject_user_id
    where employments.is_newest
)

select * from subjects
