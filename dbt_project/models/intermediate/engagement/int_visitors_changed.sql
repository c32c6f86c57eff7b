{%- set feeds = ['model.int_identities_followed', 'segment.pages'] -%}
{{ config(materialized='table', meta={'feeds': feeds}) }}
{%- set since = list_since(feeds) -%}

with

identities as (select * from {{ ref('int_identities_followed') }}),

pages as (select * from {{ ref('stg_segment__pages') }}),

concerned as (      -- one row per login or device that leads to others now
    select distinct
        id_kind,
        known_id
    from identities
    where {{ loaded_after('model.int_identities_followed', since) }}
),

views as (
    select
        event_id,
        {{ visitor_of() }} as visitor_id,
        {{ loaded_after('segment.pages', since, 'loaded_at') }}
        or {{ leads_elsewhere('concerned') }} as is_changed
    from pages
    where {{ 'false' if since is none else 'true' }}
),

visitors as (
    select distinct visitor_id
    from views
    where is_changed
),

final as (
    select
        views.event_id,
        views.visitor_id
    from views
    inner join visitors on views.visitor_id = visitors.visitor_id
)

select * from final
