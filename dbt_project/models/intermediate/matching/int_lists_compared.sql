{{
    config(
        materialized=kept(),
        incremental_strategy='changed_keys',
        unique_key='request_id',
        on_schema_change='fail'
    )
}}

with

every_recommendation as (select * from {{ ref('stg_app__match_recommendations') }}),

requests as (select * from {{ ref('stg_app__recommendation_requests') }}),

opportunity_skills as (select * from {{ ref('stg_app__opportunity_skills') }}),

clients as (select * from {{ ref('int_clients_zoned') }}),

changed as (select * from {{ ref('int_lists_changed') }}),

recommendations as (      -- those of the lists to be told again; all in a full build
    {{ to_be_told('every_recommendation', 'request_id') }}
),

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

lists as (      -- one row per list (and client, should it have recommendations of two)
    select
        request_id,
        client_id,
        count(*) as recommendation_count
    from recommendations
    group by request_id, client_id
),

compared as (
    select
        lists.request_id,
        lists.client_id,
        requests.model_version_id,
        requests.channel,
        lists.recommendation_count,
        -- A mean in another order of its parts is another one by some 1e-16.
        {{ rounded('diversities.diversity', 12) }} as diversity,
        {{ tenant_week('requests.requested_at', 'clients.time_zone') }} as week_starts_on
    from lists
    inner join requests on lists.request_id = requests.request_id
    inner join clients on lists.client_id = clients.client_id
    left join diversities on lists.request_id = diversities.request_id
)

select * from compared
