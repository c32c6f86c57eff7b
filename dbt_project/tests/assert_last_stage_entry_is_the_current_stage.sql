-- The log of moves and the application's own stage tell the same story.
with

applications as (select * from {{ checked_rows(ref('fct_applications')) }}),

last_entries as (select * from {{ checked_rows(ref('fct_application_stages')) }} where is_last_entry)

select
    applications.application_id,
    applications.current_stage_id,
    last_entries.stage_id
from applications
left join last_entries on applications.application_id = last_entries.application_id
where
    last_entries.stage_id is null
    or last_entries.stage_id <> applications.current_stage_id
    or last_entries.is_open <> applications.is_open
