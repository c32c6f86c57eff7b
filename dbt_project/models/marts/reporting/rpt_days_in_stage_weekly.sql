with

stage_entries as (select * from {{ ref('fct_application_stages') }}),

weeks as (select * from {{ ref('int_client_weeks') }}),

entries as (      -- one row per stage entry; who was hired has arrived and waits for nothing
    select
        stage_entries.client_id,
        weeks.client_slug,
        weeks.client_name,
        weeks.week_starts_on,
        weeks.is_complete_week,
        stage_entries.opportunity_kind,
        stage_entries.stage_kind,
        stage_entries.stage_rank,
        stage_entries.days_in_stage,
        stage_entries.is_open
    from stage_entries
    inner join weeks
        on
            stage_entries.client_id = weeks.client_id
            and {{ week_of('stage_entries.entered_on') }} = weeks.week_starts_on
    where stage_entries.stage_kind <> 'hired'
),

counted as (      -- one row per client, week, kind of opportunity and kind of stage, and all of each
    select
        entries.client_id,
        coalesce(entries.client_slug, '(all)') as client_slug,
        coalesce(entries.client_name, 'All clients') as client_name,
        coalesce(entries.opportunity_kind, '(all)') as opportunity_kind,
        entries.stage_kind,
        cast(entries.stage_rank as integer) as stage_rank,
        cast(count(*) as integer) as entry_count,
        cast(count(case when entries.is_open then 1 end) as integer) as open_count,
        {{ metric('median_days_in_stage', 'entries') }} as median_days_in_stage,
        {{ metric('p90_days_in_stage', 'entries') }} as p90_days_in_stage,
        {{ every_of('entries.is_complete_week') }} as is_complete_week,
        entries.week_starts_on
    from entries
    group by grouping sets (
        (
            entries.client_id, entries.client_slug, entries.client_name, entries.week_starts_on,
            entries.opportunity_kind, entries.stage_kind, entries.stage_rank
        ),
        (
            entries.client_id, entries.client_slug, entries.client_name, entries.week_starts_on,
            entries.stage_kind, entries.stage_rank
        ),
        (entries.week_starts_on, entries.opportunity_kind, entries.stage_kind, entries.stage_rank),
        (entries.week_starts_on, entries.stage_kind, entries.stage_rank)
    )
),

final as (
    select
        client_id,
        client_slug,
        client_name,
        opportunity_kind,
        stage_kind,
        stage_rank,
        entry_count,
        open_count,
        median_days_in_stage,
        p90_days_in_stage,
        {{ metric('stage_open_share') }} as open_share,
        is_complete_week,
        week_starts_on
    from counted
)

select * from final
