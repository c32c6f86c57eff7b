{{ config(materialized='table') }}

with

weeks as (select * from {{ ref('int_client_weeks') }}),

days as (select * from {{ ref('int_days_spined') }}),

clients as (      -- one row per client
    select
        client_id,
        client_slug,
        client_name,
        time_zone,
        min(week_starts_on) as first_week_starts_on
    from weeks
    group by client_id, client_slug, client_name, time_zone
),

months as (
    select
        clients.client_id,
        clients.client_slug,
        clients.client_name,
        clients.time_zone,
        days.date_on as month_starts_on,
        cast({{ later('days.date_on', 1, 'month') }} as date) as next_month_starts_on
    from clients
    inner join days on {{ month_of('clients.first_week_starts_on') }} <= days.date_on
    where
        extract(day from days.date_on) = 1
        and days.date_on <= {{ tenant_day(cut_at(), 'clients.time_zone') }}
),

client_months as (
    select
        *,
        {{ tenant_midnight('month_starts_on', 'time_zone') }} as month_starts_at,
        {{ tenant_midnight('next_month_starts_on', 'time_zone') }} as month_ends_at,
        {{ tenant_midnight('next_month_starts_on', 'time_zone') }} <= {{ cut_at() }} as is_complete_month,
        {{ least_known('next_month_starts_on - 1', tenant_day(cut_at(), 'time_zone')) }} as as_of_on
    from months
)

select * from client_months
