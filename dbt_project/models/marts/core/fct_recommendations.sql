{{
    config(
        materialized=kept(),
        incremental_strategy='changed_keys',
        unique_key='recommendation_id',
        on_schema_change='fail',
        pre_hook="{{ moves('is_acceptance_mature', is_acceptance_mature('told.first_viewed_at')) }}"
    )
}}

with

every_recommendation as (select * from {{ ref('stg_app__match_recommendations') }}),

requests as (select * from {{ ref('stg_app__recommendation_requests') }}),

viewed as (select * from {{ ref('int_recommendations_viewed') }}),

accepted as (select * from {{ ref('int_recommendations_accepted') }}),

feedback as (select * from {{ ref('stg_app__match_feedback') }}),

clients as (select * from {{ ref('int_clients_zoned') }}),

changed as (select * from {{ ref('int_recommendations_changed') }}),

recommendations as (      -- those to be told again; all in a full build
    {{ to_be_told('every_recommendation', 'recommendation_id') }}
),

dismissals as (      -- one row per recommendation waved away
    select distinct recommendation_id
    from feedback
    where feedback_kind in ('dismiss', 'not_interested', 'thumbs_down')
),

final as (
    select
        recommendations.recommendation_id,
        recommendations.client_id,
        cast(recommendations.request_id as {{ type_name('text') }}) as request_id,
        recommendations.member_id,
        recommendations.opportunity_id,
        requests.model_version_id,
        accepted.application_id,
        requests.channel,
        requests.surface,
        requests.experiment_key,
        requests.variant,
        viewed.first_channel,
        recommendations.rank,
        viewed.first_position,
        cast(coalesce(viewed.impression_count, 0) as integer) as impression_count,
        recommendations.score,
        recommendations.propensity,
        recommendations.is_exploration,
        viewed.recommendation_id is not null as is_viewed,
        viewed.first_clicked_at is not null as is_clicked,
        dismissals.recommendation_id is not null as is_dismissed,
        coalesce(accepted.is_last_touch, false) as is_accepted,
        accepted.recommendation_id is not null as is_accepted_any_touch,
        {{ is_acceptance_mature('viewed.first_viewed_at') }} as is_acceptance_mature,
        {{ tenant_day('requests.requested_at', 'clients.time_zone') }} as requested_on,
        {{ tenant_week('viewed.first_viewed_at', 'clients.time_zone') }} as viewed_week_starts_on,
        requests.requested_at,
        viewed.first_viewed_at,
        viewed.first_clicked_at,
        accepted.accepted_at
    from recommendations
    inner join requests on recommendations.request_id = requests.request_id
    inner join clients on recommendations.client_id = clients.client_id
    left join viewed on recommendations.recommendation_id = viewed.recommendation_id
    left join accepted on recommendations.recommendation_id = accepted.recommendation_id
    left join dismissals on recommendations.recommendation_id = dismissals.recommendation_id
)

select * from final
