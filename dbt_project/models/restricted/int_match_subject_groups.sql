-- A table: read after the build by whoever evaluates a model. It holds what people told, and so lies
-- beside its source.
{{ config(materialized='table') }}

with

spine as (select * from {{ ref('ml_match_spine') }}),

demographics as (select * from {{ ref('stg_restricted__member_demographics') }}),

consents as (select * from {{ ref('stg_app__consents') }}),

subjects as (      -- one row per person and employment among the examples
    select distinct
        subject_key,
        client_id,
        member_id
    from spine
),

told as (      -- one row per member who told and did not take it back
    select
        demographics.client_id,
        demographics.member_id,
        demographics.sex,
        demographics.race_ethnicity,
        demographics.self_identified_at
    from demographics
    left join consents on demographics.consent_id = consents.consent_id
    where
        demographics.consent_id is null
        or (consents.consent_id is not null and consents.withdrawn_at is null)
),

ranked as (      -- of a person with several employments the newest answer counts
    select
        subjects.subject_key,
        subjects.client_id,
        told.sex,
        told.race_ethnicity,
        row_number() over (
            partition by subjects.subject_key
            order by
                case when told.member_id is null then 1 else 0 end,
                told.self_identified_at desc,
                subjects.member_id desc
        ) as place
    from subjects
    left join told on subjects.client_id = told.client_id and subjects.member_id = told.member_id
),

subject_groups as (
    select
        subject_key,
        client_id,
        {{ told_category('sex') }} as sex_category,
        {{ told_category('race_ethnicity') }} as race_category
    from ranked
    where place = 1
)

select * from subject_groups
