with

source as (select * from {{ source('app_history', 'match_recommendations') }}),

renamed as (
    select
        ---------- ids
        id as recommendation_id,
        request_id,
        client_id,
        member_id,
        opportunity_id,

        ---------- numbers
        cast(rank as integer) as rank,
        score,
        cast(propensity as {{ type_name('double precision') }}) as propensity,

        ---------- booleans
        is_exploration,

        ---------- timestamps
        created_at,

        {{ version_columns('id') }}
    from source
)

select * from renamed
