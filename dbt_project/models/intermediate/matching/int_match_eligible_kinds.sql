{{ config(materialized='table') }}

with

members as (select * from {{ ref('int_match_members') }}),

open_days as (select * from {{ ref('int_match_open_days') }}),

kinds as (      -- what was open at the midnight before, by kind
    select
        client_id,
        requested_on,
        opportunity_kind,
        count(*) as opportunity_count,
        cast(sum(popularity_weight) as bigint) as weight
    from open_days
    group by client_id, requested_on, opportunity_kind
),

-- The opportunities of all kinds of a list lie on one axis, once by number and once by weight: a drawn
-- number falls into the range of one kind.
eligible_kinds as (      -- one row per list and kind that its member was open to
    select
        members.list_id,
        members.client_id,
        members.member_id,
        members.requested_on,
        members._position,
        kinds.opportunity_kind,
        kinds.opportunity_count,
        kinds.weight,
        cast(
            sum(kinds.opportunity_count) over (
                partition by members.list_id
                order by kinds.opportunity_kind
                rows between unbounded preceding and current row
            ) as bigint
        ) as count_to,
        cast(
            sum(kinds.weight) over (
                partition by members.list_id
                order by kinds.opportunity_kind
                rows between unbounded preceding and current row
            ) as bigint
        ) as weight_to,
        cast(sum(kinds.opportunity_count) over (partition by members.list_id) as bigint) as count_of_all,
        cast(sum(kinds.weight) over (partition by members.list_id) as bigint) as weight_of_all
    from members
    inner join kinds
        on members.client_id = kinds.client_id and members.requested_on = kinds.requested_on
    where not members.is_placeless and {{ array_holds('members.open_to', 'kinds.opportunity_kind') }}
)

select * from eligible_kinds
