with

source as (select * from {{ source('app', 'match_recommendations') }}),

renamed as (
    select
        ---------- ids
        id as recommendation_id,
        request_id,
        client_id,
        member_id,
        opportunity_id,

        ---------- lists and documents
        reasons,
        feature_hash,

        ---------- numbers
        cast(rank as integer) as rank,
        score,
        cast(propensity as {{ type_name('double precision') }}) as propensity,

        ---------- booleans
        is_exploration,

        ---------- timestamps
        created_at,
        expires_at
    from source
)

select * from renamed
