{{ config(materialized='table') }}

with

every_click as (select * from {{ ref('stg_segment__recommendation_clicked') }}),

every_version as (select * from {{ ref('stg_app__match_recommendations_history') }}),

clock as (select * from {{ ref('stg_flux__clock') }}),

changed as (select * from {{ ref('int_match_requests_changed') }}),

clicks as (      -- those that no activity tells of yet; all in a full build
    select *
    from every_click
    {{ clicks_to_tell('every_click') }}
),

recommendation_versions as (
    select *
    from every_version
    {{ of_told('recommendation_id', 'clicks') }}
),

recommendations as (
    {{ as_first_committed('recommendation_versions', 'recommendation_id', 'created_at') }}
),

known_clicks as (
    select
        clicks.event_id,
        recommendations.member_id,
        recommendations.opportunity_id,
        {{ event_known_at('clicks') }} as known_at
    from clicks
    inner join recommendations
        on
            clicks.recommendation_id = recommendations.recommendation_id
            and clicks.client_id = recommendations.client_id
),

moments as (      -- clicks before the commits of the same moment
    select
        event_id,
        member_id,
        opportunity_id,
        known_at,
        0 as is_commit,
        null as _position
    from known_clicks
    union all
    select
        null as event_id,
        null as member_id,
        null as opportunity_id,
        clock_at as known_at,
        1 as is_commit,
        _position
    from clock
),

placed as (      -- from the end, since Postgres computes a window anew where the beginning of its frame moves
    select
        *,
        min(_position) over (
            order by known_at desc, is_commit desc
            rows between unbounded preceding and current row
        ) as next_position,
        max(_position) over (
            order by known_at, is_commit
            rows between unbounded preceding and current row
        ) as last_position
    from moments
),

-- A click stands at the first commit at or after it: what comes behind that one knows of it. None is known
-- to a request of before, whenever the request itself was written.
placed_clicks as (
    select
        event_id,
        member_id,
        opportunity_id,
        known_at,
        case
            when last_position is null then {{ place_before_log('known_at') }}
            else cast(next_position as {{ type_name('numeric(38,0)') }})
        end as _position
    from placed
    where event_id is not null and next_position is not null
)

select * from placed_clicks
