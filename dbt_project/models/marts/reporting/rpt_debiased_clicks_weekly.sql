with

impressions as (select * from {{ ref('fct_impressions') }}),

propensities as (select * from {{ ref('int_position_propensities') }}),

model_versions as (select * from {{ ref('dim_model_version') }}),

weeks as (select * from {{ ref('int_client_weeks') }}),

evidence as (      -- one row per client
    select
        client_id,
        sum(exploration_clicked_count) as exploration_clicked_count
    from propensities
    group by client_id
),

weighed as (      -- one row per mature impression
    select
        impressions.client_id,
        impressions.week_starts_on,
        impressions.model_version_id,
        impressions.is_clicked,
        propensities.propensity is not null as is_weighable,
        coalesce(propensities.is_clipped, false) as is_clipped,
        case when impressions.is_clicked then propensities.click_weight end as click_weight
    from impressions
    left join propensities
        on
            impressions.client_id = propensities.client_id
            and impressions.position = propensities.position
    where impressions.is_click_mature
),

counted as (
    select
        client_id,
        week_starts_on,
        model_version_id,
        count(*) as impression_count,
        count(case when is_clicked then 1 end) as clicked_impression_count,
        count(case when is_weighable then 1 end) as weighable_impression_count,
        count(case when is_clipped then 1 end) as clipped_impression_count,
        coalesce(sum(click_weight), 0) as click_weight_sum
    from weighed
    group by client_id, week_starts_on, model_version_id
),

final as (
    select
        counted.client_id,
        weeks.client_slug,
        weeks.client_name,
        counted.model_version_id,
        model_versions.model_label,
        cast(counted.impression_count as integer) as impression_count,
        cast(counted.clicked_impression_count as integer) as clicked_impression_count,
        cast(counted.weighable_impression_count as integer) as weighable_impression_count,
        cast(counted.clipped_impression_count as integer) as clipped_impression_count,
        cast(coalesce(evidence.exploration_clicked_count, 0) as integer) as evidence_click_count,
        cast(counted.click_weight_sum as {{ type_name('double precision') }}) as click_weight_sum,
        {{ metric('click_through_rate', 'counted') }} as click_through_rate,
        {{ metric('debiased_click_through_rate', 'counted') }} as debiased_click_through_rate,
        weeks.is_complete_week,
        counted.week_starts_on
    from counted
    inner join weeks
        on
            counted.client_id = weeks.client_id
            and counted.week_starts_on = weeks.week_starts_on
    left join evidence on counted.client_id = evidence.client_id
    left join model_versions on counted.model_version_id = model_versions.model_version_id
)

select * from final
