{%- set feeds = ['model.int_skill_supply_changes'] -%}
{{ config(materialized='table', meta={'feeds': feeds}) }}
{%- set since = list_since(feeds) -%}

with

changes as (select * from {{ ref('int_skill_supply_changes') }}),

weeks as (select * from {{ ref('int_client_weeks') }}),

held_days as (
    {{ held_by('fct_skill_supply_day', {'client_id': 'bigint', 'date_on': 'date'}, since) }}
),

held as (      -- one row per client: the days that are told
    select
        client_id,
        min(date_on) as first_on,
        max(date_on) as last_on
    from held_days
    group by client_id
),

news as (      -- one row per client: the first day on which anything is another one now
    select
        client_id,
        min(changed_on) as changed_on
    from changes
    where {{ loaded_after(feeds[0], since, 'told_number') }}
    group by client_id
),

beginnings as (      -- one row per client: the first day of which anything is known
    select
        client_id,
        min(changed_on) as changed_on
    from changes
    where not is_gone
    group by client_id
),

clients as (      -- one row per client with the days that are to be there
    select
        client_id,
        {{ greatest_known(
            'min(week_starts_on)', 'max(as_of_on) + 1 - ' ~ var('skill_supply_days')
        ) }} as first_on,
        max(as_of_on) as last_on
    from weeks
    group by client_id
),

-- The running day is told again, and all when earlier weeks than those of before came to be known.
final as (
    select
        clients.client_id,
        clients.first_on,
        case
            when held.client_id is null then clients.first_on
            when clients.first_on < held.first_on and beginnings.changed_on < held.first_on
                then clients.first_on
            else {{ greatest_known('clients.first_on', least_known('news.changed_on', 'held.last_on + 1')) }}
        end as told_from_on,
        clients.last_on
    from clients
    left join held on clients.client_id = held.client_id
    left join news on clients.client_id = news.client_id
    left join beginnings on clients.client_id = beginnings.client_id
)

select * from final
