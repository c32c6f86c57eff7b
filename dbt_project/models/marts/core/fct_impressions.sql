{{
    config(
        materialized=kept(),
        incremental_strategy='changed_keys',
        unique_key='recommendation_id',
        on_schema_change='fail',
        pre_hook="{{ clicks_mature() }}"
    )
}}

with

every_impression as (select * from {{ ref('int_impressions_clicked') }}),

recommendations as (select * from {{ ref('stg_app__match_recommendations') }}),

requests as (select * from {{ ref('stg_app__recommendation_requests') }}),

clients as (select * from {{ ref('int_clients_zoned') }}),

changed as (select * from {{ ref('int_recommendations_changed') }}),

impressions as (      -- those to be told again; all in a full build
    {{ to_be_told('every_impression', 'recommendation_id') }}
),

final as (
    select
        impressions.impression_id,
        impressions.client_id,
        impressions.recommendation_id,
        cast(recommendations.request_id as {{ type_name('text') }}) as request_id,
        impressions.member_id,
        impressions.opportunity_id,
        requests.model_version_id,
        impressions.channel,
        impressions.position,
        impressions.viewport_ms,
        recommendations.propensity,
        recommendations.is_exploration,
        impressions.is_clicked,
        impressions.is_click_mature,
        {{ tenant_day('impressions.shown_at', 'clients.time_zone') }} as shown_on,
        {{ tenant_week('impressions.shown_at', 'clients.time_zone') }} as week_starts_on,
        impressions.shown_at,
        impressions.clicked_at
    from impressions
    inner join clients on impressions.client_id = clients.client_id
    left join recommendations on impressions.recommendation_id = recommendations.recommendation_id
    left join requests on recommendations.request_id = requests.request_id
)

select * from final
