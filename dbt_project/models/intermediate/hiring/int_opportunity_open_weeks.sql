-- A table: read twice, and by its tests.
{{ config(materialized='table') }}

with

open_spans as (select * from {{ ref('int_opportunity_open_spans') }}),

clients as (select * from {{ ref('int_clients_zoned') }}),

week_spans as (      -- one row per span and the weeks that have some moment of it
    select
        open_spans.client_id,
        open_spans.opportunity_id,
        {{ tenant_week('open_spans.open_from', 'clients.time_zone') }} as first_week_on,
        case
            when open_spans.open_to is null then {{ tenant_week(cut_at(), 'clients.time_zone') }}
            when
                open_spans.open_to = {{ tenant_midnight(
                    tenant_week('open_spans.open_to', 'clients.time_zone'), 'clients.time_zone'
                ) }}
                then {{ tenant_week('open_spans.open_to', 'clients.time_zone') }} - 7
            else {{ tenant_week('open_spans.open_to', 'clients.time_zone') }}
        end as last_week_on
    from open_spans
    inner join clients on open_spans.client_id = clients.client_id
    where open_spans.open_from < {{ cut_at() }}
),

followed as (
    select
        *,
        max(last_week_on) over (
            partition by client_id, opportunity_id
            order by first_week_on, last_week_on
            rows between unbounded preceding and 1 preceding
        ) as told_to_on
    from week_spans
    where first_week_on <= last_week_on
),

open_weeks as (      -- the same without the weeks that an earlier span of the opportunity has
    select
        client_id,
        opportunity_id,
        {{ greatest_known('first_week_on', 'told_to_on + 7') }} as first_week_on,
        last_week_on
    from followed
    where told_to_on is null or last_week_on > told_to_on
)

select * from open_weeks
