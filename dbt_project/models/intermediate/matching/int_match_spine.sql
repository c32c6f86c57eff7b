{{ config(materialized='table') }}

with

impressions as (select * from {{ ref('int_impressions_clicked') }}),

recommendations as (select * from {{ ref('stg_app__match_recommendations') }}),

requests as (select * from {{ ref('stg_app__recommendation_requests') }}),

request_versions as (select * from {{ ref('stg_app__recommendation_requests_history') }}),

clients as (select * from {{ ref('stg_app__clients') }}),

consents as (select * from {{ ref('stg_app__consents') }}),

employments as (select * from {{ ref('int_member_employments') }}),

erasure_requests as (select * from {{ ref('stg_app__erasure_requests') }}),

numbered_requests as (
    select
        *,
        row_number() over (partition by request_id order by _position, _seq) as version_number
    from request_versions
    where not is_deleted
),

logged_requests as (      -- one row per request: where its first commit lies in the order of commits
    select *
    from numbered_requests
    where version_number = 1
),

-- Consent and erasure are honoured as of now, not as of the row: the one rule where looking back would
-- be wrong.
consenting as (      -- one row per member who may be learned from
    select
        employments.member_id,
        employments.user_id
    from employments
    inner join clients on employments.client_id = clients.client_id
    where
        employments.is_newest
        and not clients.is_ml_opted_out
        and exists (
            select 1
            from consents
            where
                consents.member_id = employments.member_id
                and consents.purpose = 'ml_training'
                and consents.withdrawn_at is null
        )
        and not exists (
            select 1
            from erasure_requests
            where erasure_requests.subject_user_id = employments.user_id
        )
),

spine as (      -- one row per seen impression
    select
        impressions.impression_id,
        impressions.recommendation_id,
        recommendations.request_id,
        impressions.client_id,
        impressions.member_id,
        impressions.opportunity_id,
        requests.model_version_id,
        {{ md5_of("'subject|' || cast(consenting.user_id as " ~ type_name('text') ~ ')') }} as subject_key,
        requests.channel,
        requests.surface,
        recommendations.rank,
        impressions.position,
        requests.candidate_count,
        recommendations.score,
        recommendations.propensity,
        recommendations.is_exploration,
        impressions.is_clicked,
        impressions.is_click_mature,
        requests.requested_at,
        impressions.shown_at,
        logged_requests._epoch,
        logged_requests._lsn,
        logged_requests._position
    from impressions
    inner join recommendations on impressions.recommendation_id = recommendations.recommendation_id
    inner join requests on recommendations.request_id = requests.request_id
    inner join logged_requests on requests.request_id = logged_requests.request_id
    inner join consenting on impressions.member_id = consenting.member_id
)

select * from spine
