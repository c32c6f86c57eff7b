{{ config(materialized='table') }}

with

every_version as (select * from {{ ref('stg_app__recommendation_requests_history') }}),

subjects as (select * from {{ ref('int_match_subjects') }}),

changed as (select * from {{ ref('int_match_requests_changed') }}),

history_gaps as (select * from {{ ref('stg_flux__history_gaps') }}),

clock as (select * from {{ ref('stg_flux__clock') }}),

model_versions as (select * from {{ ref('stg_app__model_versions_history') }}),

request_versions as (      -- of the requests to be told; all in a full build
    select *
    from every_version
    {{ requests_told('request_id') }}
),

first_versions as (
    {{ as_first_committed('request_versions', 'request_id', 'requested_at') }}
),

gaps as (      -- of the histories that the match set reads
    select distinct
        _epoch,
        _from_lsn,
        _to_lsn
    from history_gaps
    where
        relation in (
            'raw_app.applications',
            'raw_app.application_stage_events',
            'raw_app.job_architecture',
            'raw_app.match_feedback',
            'raw_app.match_impressions',
            'raw_app.match_recommendations',
            'raw_app.member_skills',
            'raw_app.members',
            'raw_app.opportunities',
            'raw_app.opportunity_skills',
            'raw_app.recommendation_requests',
            'raw_app.saved_items'
        )
),

in_gaps as (      -- one row per request that was committed where a history has differences at most
    select distinct first_versions.request_id
    from first_versions
    inner join gaps
        on
            first_versions._epoch = gaps._epoch
            and first_versions._lsn > gaps._from_lsn
            and first_versions._lsn <= gaps._to_lsn
),

models as (
    {{ as_first_committed('model_versions', 'model_version_id', 'deployed_at') }}
),

moments as (      -- requests before the commits of the same moment
    select
        request_id,
        requested_at as moment_at,
        0 as is_commit,
        _position as own_position,
        null as _position
    from first_versions
    union all
    select
        null as request_id,
        clock_at as moment_at,
        1 as is_commit,
        null as own_position,
        _position
    from clock
),

-- From the end, since Postgres computes a window anew where the beginning of its frame moves.
followed as (      -- the first commit at or after the moment at which the model scored, if any
    select
        request_id,
        own_position,
        min(_position) over (
            order by moment_at desc, is_commit desc
            rows between unbounded preceding and current row
        ) as next_position
    from moments
),

placed as (      -- one row per request
    select
        request_id,
        {{ least_known('own_position', 'next_position') }} as place
    from followed
    where request_id is not null
),

-- A request may be written long after the model scored, so its own place is not enough. One that a copy told
-- has no place among the commits, so it gets one before them all: nothing that changes is known of its time.
requests as (      -- one row per request of a member who may be learned from
    select
        first_versions.request_id,
        first_versions.client_id,
        first_versions.member_id,
        first_versions.model_version_id,
        subjects.subject_key,
        models.model_name || ' ' || models.version as model_version,
        first_versions.channel,
        first_versions.surface,
        cast(first_versions.candidate_count as integer) as candidate_count,
        first_versions._op = 'snapshot' as is_before_log,
        first_versions._op = 'resync' or in_gaps.request_id is not null as is_in_history_gap,
        first_versions._op in ('snapshot', 'resync') as is_placeless,
        {{ utc_day('first_versions.requested_at') }} as requested_on,
        first_versions.requested_at,
        first_versions.known_at,
        first_versions._epoch,
        first_versions._lsn,
        case
            when first_versions._op in ('snapshot', 'resync')
                then {{ place_before_log('first_versions.requested_at') }}
            else cast(placed.place as {{ type_name('numeric(38,0)') }})
        end as _position
    from first_versions
    inner join subjects on first_versions.member_id = subjects.member_id
    inner join placed on first_versions.request_id = placed.request_id
    left join models on first_versions.model_version_id = models.model_version_id
    left join in_gaps on first_versions.request_id = in_gaps.request_id
    where subjects.left_out_reason is null
)

select * from requests
