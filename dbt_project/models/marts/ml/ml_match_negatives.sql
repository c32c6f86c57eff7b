{%- set taken = {'sampled_eligible': 4, 'popularity': 2} -%}
{{ config(materialized=kept(), incremental_strategy='changed_examples') }}

with

changed as (select * from {{ ref('int_match_requests_changed') }}),

every_draw as (select * from {{ ref('int_match_draws') }}),

eligible_kinds as (select * from {{ ref('int_match_eligible_kinds') }}),

open_days as (select * from {{ ref('int_match_open_days') }}),

lists as (select * from {{ ref('int_match_lists') }}),

sights as (select * from {{ ref('int_match_sights') }}),

draws as (      -- of the requests to be told again; all in a full build
    select *
    from every_draw
    {%- if is_incremental() %}
    where list_id in (select changed.impression_id from changed)
    {%- endif %}
),

seen as (      -- one row per list and opportunity
    select distinct
        lists.list_id,
        sights.opportunity_id
    from sights
    inner join lists on sights.request_id = lists.request_id
),

-- What was open at midnight and could not be drawn all the same: seen in the list, or closed before it.
barred as (
    select
        eligible_kinds.list_id,
        open_days.opportunity_id,
        open_days.popularity_weight
    from eligible_kinds
    inner join open_days
        on
            eligible_kinds.client_id = open_days.client_id
            and eligible_kinds.requested_on = open_days.requested_on
            and eligible_kinds.opportunity_kind = open_days.opportunity_kind
    inner join seen
        on eligible_kinds.list_id = seen.list_id and open_days.opportunity_id = seen.opportunity_id
    union distinct
    select
        eligible_kinds.list_id,
        open_days.opportunity_id,
        open_days.popularity_weight
    from eligible_kinds
    inner join open_days
        on
            eligible_kinds.client_id = open_days.client_id
            and eligible_kinds.requested_on = open_days.requested_on
            and eligible_kinds.opportunity_kind = open_days.opportunity_kind
            and eligible_kinds._position > open_days.open_until
    -- closed that day, or the next when the commit came behind the midnight
    where open_days.closed_on <= open_days.requested_on + 1
),

barred_sums as (
    select
        list_id,
        count(*) as opportunity_count,
        sum(popularity_weight) as weight
    from barred
    group by list_id
),

axes as (
    select distinct
        list_id,
        client_id,
        member_id,
        count_of_all,
        weight_of_all
    from eligible_kinds
),

drawable as (      -- one row per list: what a draw could give
    select
        axes.list_id,
        axes.client_id,
        axes.member_id,
        axes.count_of_all - coalesce(barred_sums.opportunity_count, 0) as opportunity_count,
        axes.weight_of_all - coalesce(barred_sums.weight, 0) as weight
    from axes
    left join barred_sums on axes.list_id = barred_sums.list_id
),

accepted as (      -- draws that hit what could be drawn, each opportunity once per kind
    select
        draws.list_id,
        draws.example_kind,
        draws.opportunity_id,
        min(draws.popularity_weight) as popularity_weight,
        min(draws.draw) as draw
    from draws
    left join seen on draws.list_id = seen.list_id and draws.opportunity_id = seen.opportunity_id
    where
        seen.list_id is null
        and (draws.open_until is null or draws.open_until >= draws._position)
    group by draws.list_id, draws.example_kind, draws.opportunity_id
),

counted as (
    select
        *,
        row_number() over (partition by list_id, example_kind = 'popularity' order by draw) as place
    from accepted
),

negatives as (
    select
        counted.list_id * 64 + counted.draw as example_id,
        drawable.client_id,
        drawable.member_id,
        counted.opportunity_id,
        counted.list_id,
        counted.example_kind,
        case
            when counted.example_kind = 'popularity'
                then {{ rounded_ratio('counted.popularity_weight', 'drawable.weight', 9) }}
            else {{ rounded_ratio('1', 'drawable.opportunity_count', 9) }}
        end as sampling_probability
    from counted
    inner join drawable on counted.list_id = drawable.list_id
    where
        counted.place <= case
            when counted.example_kind = 'popularity' then {{ taken['popularity'] }}
            else {{ taken['sampled_eligible'] }}
        end
)

select * from negatives
