with

lists as (select * from {{ ref('int_lists_compared') }}),

model_versions as (select * from {{ ref('dim_model_version') }}),

weeks as (select * from {{ ref('int_client_weeks') }}),

counted as (      -- one row per client, week, model version and channel
    select
        client_id,
        week_starts_on,
        model_version_id,
        channel,
        count(*) as list_count,
        sum(recommendation_count) as recommendation_count,
        count(diversity) as compared_list_count,
        coalesce(sum(diversity), 0) as diversity_sum
    from lists
    group by client_id, week_starts_on, model_version_id, channel
),

final as (
    select
        counted.client_id,
        weeks.client_slug,
        weeks.client_name,
        counted.model_version_id,
        model_versions.model_label,
        counted.channel,
        cast(counted.list_count as integer) as list_count,
        cast(counted.recommendation_count as integer) as recommendation_count,
        cast(counted.compared_list_count as integer) as compared_list_count,
        cast(counted.diversity_sum as {{ type_name('double precision') }}) as diversity_sum,
        {{ metric('intra_list_diversity', 'counted') }} as intra_list_diversity,
        weeks.is_complete_week,
        counted.week_starts_on
    from counted
    inner join weeks
        on
            counted.client_id = weeks.client_id
            and counted.week_starts_on = weeks.week_starts_on
    left join model_versions on counted.model_version_id = model_versions.model_version_id
)

select * from final
