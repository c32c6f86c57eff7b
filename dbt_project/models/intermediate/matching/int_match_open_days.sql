{{ config(materialized='table') }}

with

lists as (select * from {{ ref('int_match_lists') }}),

opportunity_versions as (select * from {{ ref('stg_app__opportunities_history') }}),

activities as (select * from {{ ref('int_match_activities') }}),

list_days as (
    select distinct
        client_id,
        requested_on
    from lists
    where not is_placeless
),

applications as (
    select
        opportunity_id,
        {{ utc_day('known_at') }} as known_on
    from activities
    where activity = 'application'
),

versions as (
    select
        *,
        status = 'open' and not is_deleted and deleted_at is null as is_open
    from opportunity_versions
),

closing as (      -- when the first later version tells that it is not open
    select
        *,
        min(case when not is_open then _position end) over (
            partition by opportunity_id
            order by _position, _seq
            rows between 1 following and unbounded following
        ) as open_until,
        min(case when not is_open then valid_from end) over (
            partition by opportunity_id
            order by _position, _seq
            rows between 1 following and unbounded following
        ) as open_until_at
    from versions
),

spans as (      -- versions that held at some midnight (UTC)
    select
        client_id,
        opportunity_id,
        opportunity_kind,
        {{ utc_day('valid_from') }} as known_on,
        {{ utc_day('valid_to') }} as ended_on,
        {{ utc_day('open_until_at') }} as closed_on,
        open_until
    from closing
    where is_open and (valid_to is null or {{ utc_day('valid_to') }} > {{ utc_day('valid_from') }})
),

open_days as (      -- one row per day of requests and opportunity that was open at the midnight before
    select
        list_days.client_id,
        list_days.requested_on,
        spans.opportunity_kind,
        spans.opportunity_id,
        spans.closed_on,
        spans.open_until
    from list_days
    inner join spans
        on
            list_days.client_id = spans.client_id
            and list_days.requested_on > spans.known_on
            and (spans.ended_on is null or list_days.requested_on <= spans.ended_on)
),

applied_days as (      -- applications of an opportunity up to each day on which one became known
    select
        opportunity_id,
        known_on,
        cast(
            sum(count(*)) over (
                partition by opportunity_id
                order by known_on
                rows between unbounded preceding and current row
            ) as bigint
        ) as application_count,
        lead(known_on) over (partition by opportunity_id order by known_on) as next_known_on
    from applications
    group by opportunity_id, known_on
),

applied as (      -- with the applications known before the midnight
    {{ pit_join(
        'open_days', 'applied_days', keys=['opportunity_id'], columns=['application_count'],
        carried=['client_id', 'requested_on', 'opportunity_kind', 'opportunity_id', 'closed_on', 'open_until'],
        at='requested_on', since='known_on', until='next_known_on'
    ) }}
),

popular_days as (
    select
        *,
        cast(coalesce(application_count, 0) + 1 as {{ type_name('double precision') }}) as popularity
    from applied
),

-- Square roots are exact to the last bit on every engine, powers are not.
weighed as (
    select
        client_id,
        requested_on,
        opportunity_kind,
        opportunity_id,
        closed_on,
        open_until,
        cast(round(1000 * sqrt(popularity) * sqrt(sqrt(popularity))) as bigint) as popularity_weight
    from popular_days
),

numbered as (
    select
        *,
        row_number() over (
            partition by client_id, requested_on, opportunity_kind order by opportunity_id
        ) as ordinal,
        cast(
            sum(popularity_weight) over (
                partition by client_id, requested_on, opportunity_kind
                order by opportunity_id
                rows between unbounded preceding and current row
            ) as bigint
        ) as weight_to
    from weighed
),

ranged as (
    select
        *,
        weight_to - popularity_weight as weight_before
    from numbered
)

select * from ranged
