with

subjects as (select * from {{ ref('int_match_subjects') }}),

activities as (select * from {{ ref('int_match_activities') }}),

left_out as (
    select
        activities.source_id as impression_id,
        subjects.client_id,
        subjects.subject_key,
        subjects.left_out_reason as reason,
        activities.known_at
    from activities
    inner join subjects on activities.member_id = subjects.member_id
    where activities.activity = 'impression' and subjects.left_out_reason is not null
)

select * from left_out
