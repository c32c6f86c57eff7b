with

application_versions as (select * from {{ ref('stg_app__applications_history') }}),

first_versions as (
    {{ as_first_committed('application_versions', 'application_id', 'applied_at') }}
),

applications_made as (
    select
        application_id,
        client_id,
        member_id,
        opportunity_id,
        is_left_censored,
        applied_at,
        known_at,
        _position
    from first_versions
)

select * from applications_made
