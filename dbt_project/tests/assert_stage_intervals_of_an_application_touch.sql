-- Each interval ends where the next one begins; only the last may be open; none ends before it began.
with

intervals as (
    select
        application_stage_event_id,
        entered_at,
        left_at,
        is_open,
        is_last_entry,
        lead(entered_at) over (partition by application_id order by entry_number) as next_entered_at
    from {{ checked_rows(ref('fct_application_stages')) }}
)

select *
from intervals
where
    left_at < entered_at
    or (next_entered_at is not null and (left_at is null or left_at <> next_entered_at))
    or (is_open <> (left_at is null))
    or (is_open and not is_last_entry)
