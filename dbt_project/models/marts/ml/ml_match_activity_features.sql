{{ config(materialized=kept(), incremental_strategy='changed_examples') }}

with

every_example as (select * from {{ ref('ml_match_spine') }}),

changed as (select * from {{ ref('int_match_requests_changed') }}),

activities as (select * from {{ ref('int_match_activities') }}),

members as (select * from {{ ref('int_match_member_activity') }}),

windows as (select * from {{ ref('int_match_opportunity_windows') }}),

spine as (      -- those to be told again; all in a full build
    {{ examples_told('every_example') }}
),

told_activities as (
    select *
    from activities
    {{ of_told('opportunity_id', 'spine') }}
),

places as (
    {{ running_activities('told_activities', 'opportunity_id', '_position', '_next_position') }}
),

totals as (      -- one row per example
    {{ pit_join(
        'spine', 'places', keys=['opportunity_id'], columns=activity_counts(),
        carried=['example_id', 'client_id', 'opportunity_id', 'list_id', 'requested_on']
    ) }}
),

counts as (
    select
        totals.example_id,
        totals.client_id,
        members.member_applications,
        members.member_applications_7d,
        members.member_applications_30d,
        members.member_applications_90d,
        cast(coalesce(totals.application_count, 0) as integer) as opportunity_applications,
        cast(coalesce(totals.application_count, 0) - windows.application_count_before_7d as integer)
            as opportunity_applications_7d,
        cast(coalesce(totals.application_count, 0) - windows.application_count_before_30d as integer)
            as opportunity_applications_30d,
        cast(coalesce(totals.application_count, 0) - windows.application_count_before_90d as integer)
            as opportunity_applications_90d,
        members.member_impressions,
        members.member_impressions_7d,
        members.member_impressions_30d,
        members.member_impressions_90d,
        cast(coalesce(totals.impression_count, 0) as integer) as opportunity_impressions,
        cast(coalesce(totals.impression_count, 0) - windows.impression_count_before_7d as integer)
            as opportunity_impressions_7d,
        cast(coalesce(totals.impression_count, 0) - windows.impression_count_before_30d as integer)
            as opportunity_impressions_30d,
        cast(coalesce(totals.impression_count, 0) - windows.impression_count_before_90d as integer)
            as opportunity_impressions_90d,
        members.member_clicks,
        members.member_clicks_7d,
        members.member_clicks_30d,
        members.member_clicks_90d,
        members.member_application_rate_90d,
        members.member_click_rate_90d,
        cast(coalesce(totals.click_count, 0) as integer) as opportunity_clicks,
        cast(coalesce(totals.click_count, 0) - windows.click_count_before_7d as integer)
            as opportunity_clicks_7d,
        cast(coalesce(totals.click_count, 0) - windows.click_count_before_30d as integer)
            as opportunity_clicks_30d,
        cast(coalesce(totals.click_count, 0) - windows.click_count_before_90d as integer)
            as opportunity_clicks_90d
    from totals
    inner join members on totals.list_id = members.list_id
    inner join windows
        on
            totals.opportunity_id = windows.opportunity_id
            and totals.requested_on = windows.requested_on
),

activity_features as (
    select
        *,
        {{ rounded_ratio('opportunity_applications_90d', 'opportunity_impressions_90d', 6) }}
            as opportunity_application_rate_90d,
        {{ rounded_ratio('opportunity_clicks_90d', 'opportunity_impressions_90d', 6) }}
            as opportunity_click_rate_90d
    from counts
)

select * from activity_features
