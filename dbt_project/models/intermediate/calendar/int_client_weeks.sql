{{ config(materialized='table') }}

with

clients as (select * from {{ ref('int_clients_zoned') }}),

days as (select * from {{ ref('int_days_spined') }}),

applications as (select * from {{ ref('stg_app__applications') }}),

requests as (select * from {{ ref('stg_app__recommendation_requests') }}),

moments as (      -- one row per thing that a weekly report can count
    select
        client_id,
        applied_at as happened_at
    from applications
    union all
    select
        client_id,
        requested_at as happened_at
    from requests
),

first_moments as (      -- one row per client
    select
        client_id,
        min(happened_at) as first_at
    from moments
    group by client_id
),

weeks as (
    select
        clients.client_id,
        clients.client_slug,
        clients.client_name,
        clients.time_zone,
        days.date_on as week_starts_on,
        {{ tenant_midnight('days.date_on', 'clients.time_zone') }} as week_starts_at,
        {{ tenant_midnight('days.date_on + 7', 'clients.time_zone') }} as week_ends_at
    from clients
    inner join first_moments on clients.client_id = first_moments.client_id
    inner join days on {{ tenant_week('first_moments.first_at', 'clients.time_zone') }} <= days.date_on
    where
        {{ iso_weekday('days.date_on') }} = 1
        and days.date_on <= {{ tenant_week(cut_at(), 'clients.time_zone') }}
),

client_weeks as (
    select
        *,
        week_ends_at <= {{ cut_at() }} as is_complete_week,
        {{ least_known('week_ends_at', cut_at()) }} as as_of_at,
        {{ least_known('week_starts_on + 6', tenant_day(cut_at(), 'time_zone')) }} as as_of_on
    from weeks
)

select * from client_weeks
