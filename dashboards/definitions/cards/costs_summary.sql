-- One row: what builds cost in the newest seven days with builds, what is stored, when the disk is full, what is unread.
with

model_costs as (select * from {{ ref('rpt_model_costs') }}),

growth as (select * from {{ ref('rpt_table_growth_daily') }}),

disk_forecast as (select * from {{ ref('rpt_disk_forecast') }}),

relation_usage as (select * from {{ ref('rpt_relation_usage') }}),

newest as (
    select max(ran_on) as ran_on
    from model_costs
),

by_relation as (
    select
        model_costs.relation,
        sum(model_costs.cost_seconds) as cost_seconds
    from model_costs
    inner join newest on model_costs.ran_on > newest.ran_on - 7
    group by model_costs.relation
),

builds as (
    select
        sum(cost_seconds) as build_seconds,
        count(*) as relation_count
    from by_relation
),

measured as (
    select max(measured_on) as measured_on
    from growth
),

stored as (
    select
        sum(growth.stored_bytes) as stored_bytes,
        count(*) as table_count
    from growth
    inner join measured on growth.measured_on = measured.measured_on
),

disk as (
    select
        max(days_until_full) as days_until_full,
        max(case
            when growth_bytes_per_day is null
                then 'known after a week of builds'
            when days_until_full is null then 'it does not grow'
            when most_days_until_full is null
                then 'at least ' || cast(round(least_days_until_full) as bigint) || ' days'
            else cast(round(least_days_until_full) as bigint) || ' to '
                || cast(round(most_days_until_full) as bigint) || ' days'
        end) as disk_words
    from disk_forecast
    where part = 'disk'
),

unread as (
    select
        case when count(is_unread) = count(*) then sum(case when is_unread then 1 else 0 end) end as unread_count,
        case
            when count(is_unread) = count(*) then 'of ' || count(*) || ' tables, for 60 days'
            else max(as_of_on - watched_from_on) || ' of 60 days watched'
        end as unread_words
    from relation_usage
)

select
    builds.build_seconds,
    builds.relation_count || ' models and tests of them, 7 days' as build_words,
    stored.stored_bytes,
    stored.table_count || ' tables' as stored_words,
    disk.days_until_full,
    coalesce(disk.disk_words, 'known after a week of builds') as disk_words,
    unread.unread_count,
    coalesce(unread.unread_words, 'known after 60 days') as unread_words
from builds
cross join stored
cross join disk
cross join unread
