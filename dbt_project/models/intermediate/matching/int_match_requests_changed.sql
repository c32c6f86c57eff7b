{%- set feeds = match_set_feeds() -%}
{{ config(materialized='table', meta={'feeds': feeds}) }}
{%- set since = list_since(feeds) -%}

with

subjects as (select * from {{ ref('int_match_subjects') }}),

requests as (select * from {{ ref('stg_app__recommendation_requests_history') }}),

recommendations as (select * from {{ ref('stg_app__match_recommendations_history') }}),

impressions as (select * from {{ ref('stg_app__match_impressions_history') }}),

held as (select * from {{ ref('int_match_examples_concerned') }}),

-- Of what is told as it was first, an id that was there before tells nothing new.
{% for name in ['recommendation_requests', 'match_recommendations', 'match_impressions', 'model_versions'] -%}
new_{{ name }} as (
    {{ versions_of_changed(name, since, ['id']) }}
),

{% endfor -%}
moved_opportunities as (
    {{ versions_of_changed('opportunities', since, ['client_id']) }}
),

news as (      -- one row
    {{ first_day_of_news(feeds, since) }}
),

people as (      -- members of whom there are examples
    {{ people_held(since) }}
),

joined as (      -- members who may be learned from and are in no example
    select subjects.member_id
    from subjects
    left join people on subjects.member_id = people.member_id
    where subjects.left_out_reason is null and people.member_id is null
),

concerned as (      -- one row per request; none where nothing was built before: nobody reads the list then
    select request_id
    from requests
    where
        {{ 'false' if since is none else 'true' }}
        and (
            {{ utc_day('requested_at') }} >= (select news.known_on from news)
            or request_id in (select moved.id from new_recommendation_requests as moved)
            or model_version_id in (select moved.id from new_model_versions as moved)
            or member_id in (select joined.member_id from joined)
        )
    union distinct
    select request_id
    from recommendations
    where
        recommendation_id in (select moved.id from new_match_recommendations as moved)
        or recommendation_id in (select moved.recommendation_id from new_match_impressions as moved)
        or opportunity_id in (select moved.id from moved_opportunities as moved)
    union distinct
    select recommendations.request_id
    from recommendations
    inner join impressions on recommendations.recommendation_id = impressions.recommendation_id
    where impressions.impression_id in (select held.impression_id from held)
),

-- An impression that moved to another list since is of the first one: examples of others are not told here.
had_recommendations as (
    select *
    from recommendations
    where
        recommendation_id in (
            select had.recommendation_id
            from recommendations as had
            where had.request_id in (select concerned.request_id from concerned)
        )
),

own_recommendations as (
    {{ as_first_committed('had_recommendations', 'recommendation_id', 'created_at') }}
),

had_impressions as (
    select *
    from impressions
    where
        impression_id in (
            select had.impression_id
            from impressions as had
            where had.recommendation_id in (select own.recommendation_id from own_recommendations as own)
        )
),

own_impressions as (
    {{ as_first_committed('had_impressions', 'impression_id', 'shown_at') }}
),

changed as (      -- one row per request and impression of its list
    select distinct
        concerned.request_id,
        coalesce(own_impressions.impression_id, 0) as impression_id
    from concerned
    left join own_recommendations on concerned.request_id = own_recommendations.request_id
    left join own_impressions on own_recommendations.recommendation_id = own_impressions.recommendation_id
    where concerned.request_id is not null
)

select * from changed
