-- Accepted = loaded + duplicates + quarantined in each run, and the runs hold every load up to the newest cut.
with

runs as (select * from {{ ref('fct_pipeline_runs') }}),

loads as (
    select coalesce(sum(accepted_count), 0) as accepted_count
    from {{ ref('stg_flux__segments') }}
    where loaded_at <= (select max(made_at) from runs)
)

select cast(cut_id as {{ type_name('text') }}) as broken
from runs
where accepted_event_count <> loaded_event_count + duplicate_event_count + quarantined_event_count
union all
select 'sum' as broken
from runs
having sum(accepted_event_count) <> (select accepted_count from loads)
