{{ config(materialized='table') }}

with

spine as (select * from {{ ref('int_match_spine') }}),

application_versions as (select * from {{ ref('stg_app__applications_history') }}),

numbered_versions as (
    select
        *,
        row_number() over (partition by application_id order by _position, _seq) as version_number
    from application_versions
    where not is_deleted
),

made_applications as (      -- one row per application as it became known
    select *
    from numbered_versions
    where version_number = 1
),

by_member as (      -- one row per impression with such applications
    select
        spine.impression_id,
        count(*) as application_count
    from spine
    inner join made_applications
        on
            spine.member_id = made_applications.member_id
            and spine._position > made_applications._position
            and spine.requested_at > made_applications.applied_at
            and spine.requested_at <= {{ later('made_applications.applied_at', 30, 'day') }}
    group by spine.impression_id
),

by_opportunity as (
    select
        spine.impression_id,
        count(*) as application_count
    from spine
    inner join made_applications
        on
            spine.opportunity_id = made_applications.opportunity_id
            and spine._position > made_applications._position
            and spine.requested_at > made_applications.applied_at
            and spine.requested_at <= {{ later('made_applications.applied_at', 30, 'day') }}
    group by spine.impression_id
),

activity_features as (
    select
        spine.impression_id,
        coalesce(by_member.application_count, 0) as member_applications_30d,
        coalesce(by_opportunity.application_count, 0) as opportunity_applications_30d
    from spine
    left join by_member on spine.impression_id = by_member.impression_id
    left join by_opportunity on spine.impression_id = by_opportunity.impression_id
)

select * from activity_features
