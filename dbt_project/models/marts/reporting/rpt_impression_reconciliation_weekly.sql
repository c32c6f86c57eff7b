with

weeks as (select * from {{ ref('int_client_weeks') }}),

impressions as (select * from {{ ref('fct_impressions') }}),

viewed_events as (select * from {{ ref('stg_segment__recommendation_viewed') }}),

clients as (select * from {{ ref('int_clients_zoned') }}),

tracking_starts as (select * from {{ ref('int_tracking_starts') }}),

impression_counts as (
    select
        client_id,
        week_starts_on,
        count(*) as impression_count
    from impressions
    group by client_id, week_starts_on
),

dated_events as (
    select
        clients.client_id,
        {{ tenant_week('viewed_events.event_at', 'clients.time_zone') }} as week_starts_on
    from viewed_events
    inner join clients on viewed_events.client_id = clients.client_id
),

event_counts as (
    select
        client_id,
        week_starts_on,
        count(*) as viewed_event_count
    from dated_events
    group by client_id, week_starts_on
),

counted as (
    select
        weeks.client_id,
        weeks.client_slug,
        weeks.client_name,
        cast(coalesce(impression_counts.impression_count, 0) as integer) as impression_count,
        cast(coalesce(event_counts.viewed_event_count, 0) as integer) as viewed_event_count,
        weeks.is_complete_week,
        weeks.week_starts_on
    from weeks
    inner join tracking_starts
        on
            weeks.client_id = tracking_starts.client_id
            and weeks.week_ends_at > tracking_starts.tracked_from
    left join impression_counts
        on
            weeks.client_id = impression_counts.client_id
            and weeks.week_starts_on = impression_counts.week_starts_on
    left join event_counts
        on
            weeks.client_id = event_counts.client_id
            and weeks.week_starts_on = event_counts.week_starts_on
),

final as (
    select
        client_id,
        client_slug,
        client_name,
        impression_count,
        viewed_event_count,
        {{ metric('event_share') }} as event_share,
        is_complete_week,
        week_starts_on
    from counted
)

select * from final
