with

weeks as (select * from {{ ref('int_client_weeks') }}),

open_weeks as (select * from {{ ref('int_opportunity_open_weeks') }}),

catalogues as (select * from {{ ref('int_catalogue_weeks') }}),

impressions as (select * from {{ ref('fct_impressions') }}),

client_weeks as (select * from {{ ref('fct_client_week') }}),

member_days as (select * from {{ ref('fct_member_day') }}),

shown as (      -- one row per client, week and opportunity seen
    select
        client_id,
        week_starts_on,
        opportunity_id,
        count(*) as impression_count
    from impressions
    group by client_id, week_starts_on, opportunity_id
),

exposures as (      -- one row per client, week and opportunity seen while it was open, the least seen first
    select
        shown.client_id,
        shown.week_starts_on,
        shown.impression_count,
        row_number() over (
            partition by shown.client_id, shown.week_starts_on
            order by shown.impression_count, shown.opportunity_id
        ) as place,
        sum(shown.impression_count) over (partition by shown.client_id, shown.week_starts_on) as total_count
    from shown
    inner join open_weeks
        on
            shown.client_id = open_weeks.client_id
            and shown.opportunity_id = open_weeks.opportunity_id
            and shown.week_starts_on >= open_weeks.first_week_on
            and shown.week_starts_on <= open_weeks.last_week_on
),

spreads as (      -- one row per client and week
    select
        client_id,
        week_starts_on,
        count(*) as opportunity_count,
        sum(impression_count) as impression_count,
        sum(place * impression_count) as place_weighted_count,
        sum(impression_count * (ln(total_count) - ln(impression_count))) as surprise
    from exposures
    group by client_id, week_starts_on
),

shown_members as (      -- one row per client, week and member who saw anything
    select distinct
        client_id,
        week_starts_on,
        member_id
    from impressions
),

active_members as (      -- one row per client, week and member with a qualifying event
    select distinct
        client_id,
        week_starts_on,
        member_id
    from member_days
),

audiences as (      -- one row per client and week
    select
        shown_members.client_id,
        shown_members.week_starts_on,
        count(*) as shown_member_count,
        count(active_members.member_id) as shown_active_member_count
    from shown_members
    left join active_members
        on
            shown_members.client_id = active_members.client_id
            and shown_members.week_starts_on = active_members.week_starts_on
            and shown_members.member_id = active_members.member_id
    group by shown_members.client_id, shown_members.week_starts_on
),

counted as (
    select
        weeks.client_id,
        weeks.client_slug,
        weeks.client_name,
        cast(catalogues.opportunity_count as integer) as open_opportunity_count,
        cast(coalesce(spreads.opportunity_count, 0) as integer) as shown_opportunity_count,
        client_weeks.member_count,
        client_weeks.active_member_count,
        cast(coalesce(audiences.shown_member_count, 0) as integer) as shown_member_count,
        case
            when client_weeks.active_member_count is not null
                then cast(coalesce(audiences.shown_active_member_count, 0) as integer)
        end as shown_active_member_count,
        cast(coalesce(spreads.impression_count, 0) as integer) as impression_count,
        -- Those that nobody saw stand before the others, with nothing to sum.
        {{ gini(
            '((catalogues.opportunity_count - spreads.opportunity_count) * spreads.impression_count'
            ~ ' + spreads.place_weighted_count)',
            'spreads.impression_count',
            'catalogues.opportunity_count'
        ) }} as exposure_gini,
        {{ evenness('spreads.surprise', 'spreads.impression_count', 'catalogues.opportunity_count') }}
            as exposure_entropy,
        weeks.is_complete_week,
        weeks.week_starts_on
    from weeks
    inner join client_weeks
        on
            weeks.client_id = client_weeks.client_id
            and weeks.week_starts_on = client_weeks.week_starts_on
    inner join catalogues
        on
            weeks.client_id = catalogues.client_id
            and weeks.week_starts_on = catalogues.week_starts_on
    left join spreads
        on
            weeks.client_id = spreads.client_id
            and weeks.week_starts_on = spreads.week_starts_on
    left join audiences
        on
            weeks.client_id = audiences.client_id
            and weeks.week_starts_on = audiences.week_starts_on
),

final as (
    select
        *,
        {{ metric('catalogue_coverage') }} as catalogue_coverage,
        {{ metric('member_coverage') }} as member_coverage,
        {{ metric('active_member_coverage') }} as active_member_coverage
    from counted
)

select * from final
