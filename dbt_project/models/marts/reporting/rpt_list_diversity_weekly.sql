with

recommendations as (select * from {{ ref('fct_recommendations') }}),

opportunity_skills as (select * from {{ ref('stg_app__opportunity_skills') }}),

model_versions as (select * from {{ ref('dim_model_version') }}),

weeks as (select * from {{ ref('int_client_weeks') }}),

required as (      -- one row per opportunity and skill that it requires, with the number of them
    select
        opportunity_id,
        skill_id,
        count(*) over (partition by opportunity_id) as required_count
    from opportunity_skills
    where is_required
),

asked as (      -- one row per opportunity that requires any skill
    select
        opportunity_id,
        count(*) as required_count
    from required
    group by opportunity_id
),

listed as (      -- one row per recommendation of such an opportunity
    select
        recommendations.request_id,
        recommendations.opportunity_id
    from recommendations
    inner join asked on recommendations.opportunity_id = asked.opportunity_id
),

neighbours as (      -- one row per list and pair of such opportunities in it
    select
        one.request_id,
        one.opportunity_id,
        two.opportunity_id as other_opportunity_id
    from listed as one
    inner join listed as two
        on
            one.request_id = two.request_id
            and one.opportunity_id < two.opportunity_id
),

pairs as (      -- one row per pair that ever stood in one list
    select distinct
        opportunity_id,
        other_opportunity_id
    from neighbours
),

shared as (      -- one row per pair with a required skill in common
    select
        pairs.opportunity_id,
        pairs.other_opportunity_id,
        {{ jaccard('count(*)', 'min(required.required_count)', 'min(other_required.required_count)') }}
            as jaccard
    from pairs
    inner join required on pairs.opportunity_id = required.opportunity_id
    inner join required as other_required
        on
            pairs.other_opportunity_id = other_required.opportunity_id
            and required.skill_id = other_required.skill_id
    group by pairs.opportunity_id, pairs.other_opportunity_id
),

diversities as (      -- one row per list with any such pair
    select
        neighbours.request_id,
        1 - avg(coalesce(shared.jaccard, 0)) as diversity
    from neighbours
    left join shared
        on
            neighbours.opportunity_id = shared.opportunity_id
            and neighbours.other_opportunity_id = shared.other_opportunity_id
    group by neighbours.request_id
),

lists as (      -- one row per list of recommendations
    select
        recommendations.request_id,
        recommendations.client_id,
        recommendations.model_version_id,
        recommendations.channel,
        recommendations.requested_on,
        count(*) as recommendation_count
    from recommendations
    group by
        recommendations.request_id,
        recommendations.client_id,
        recommendations.model_version_id,
        recommendations.channel,
        recommendations.requested_on
),

counted as (
    select
        lists.client_id,
        weeks.client_slug,
        weeks.client_name,
        lists.model_version_id,
        model_versions.model_label,
        lists.channel,
        cast(count(*) as integer) as list_count,
        cast(sum(lists.recommendation_count) as integer) as recommendation_count,
        cast(count(diversities.diversity) as integer) as compared_list_count,
        cast(coalesce(sum(diversities.diversity), 0) as {{ type_name('double precision') }}) as diversity_sum,
        weeks.is_complete_week,
        weeks.week_starts_on
    from lists
    inner join weeks
        on
            lists.client_id = weeks.client_id
            and {{ week_of('lists.requested_on') }} = weeks.week_starts_on
    left join diversities on lists.request_id = diversities.request_id
    left join model_versions on lists.model_version_id = model_versions.model_version_id
    group by
        lists.client_id,
        weeks.client_slug,
        weeks.client_name,
        lists.model_version_id,
        model_versions.model_label,
        lists.channel,
        weeks.is_complete_week,
        weeks.week_starts_on
),

final as (
    select
        client_id,
        client_slug,
        client_name,
        model_version_id,
        model_label,
        channel,
        list_count,
        recommendation_count,
        compared_list_count,
        diversity_sum,
        {{ metric('intra_list_diversity') }} as intra_list_diversity,
        is_complete_week,
        week_starts_on
    from counted
)

select * from final
