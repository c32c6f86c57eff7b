{{
    config(
        materialized=kept(),
        incremental_strategy='changed_keys',
        unique_key='session_id',
        on_schema_change='fail'
    )
}}

with

every_event as (select * from {{ ref('fct_events') }}),

changed as (select * from {{ ref('int_sessions_changed') }}),

events as (      -- those of the stretches to be told again; all in a full build
    select every_event.*
    from every_event
    {% if is_incremental() -%}
    inner join changed
        on
            every_event.member_id = changed.member_id
            and every_event.event_at >= changed.from_at
            and every_event.event_at <= changed.to_at
    {%- endif %}
),

starts as (      -- one row per event, marked where a session begins
    select
        *,
        {{ starts_session('member_id') }} as is_start
    from events
),

sessionized as (
    select
        *,
        {{ session_number('member_id') }} as session_number
    from starts
),

final as (
    select
        {{ surrogate_key(['member_id', moment_text('min(event_at)')]) }} as session_id,
        client_id,
        member_id,
        max(case when is_start = 1 then event end) as first_event,
        cast(count(*) as integer) as event_count,
        cast(count(case when event = 'page' then 1 end) as integer) as page_count,
        cast(count(case when is_qualifying then 1 end) as integer) as qualifying_event_count,
        {{ seconds_between('min(event_at)', 'max(event_at)') }} as duration_seconds,
        min(event_on) as started_on,
        {{ week_of('min(event_on)') }} as week_starts_on,
        min(event_at) as started_at,
        max(event_at) as ended_at
    from sessionized
    group by client_id, member_id, session_number
)

select * from final
