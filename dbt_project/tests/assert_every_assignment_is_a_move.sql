-- The join to the member's version of the time neither loses nor doubles an assignment.
with

totals as (
    select
        (select count(*) from {{ ref('stg_app__assignments') }}) as assignment_count,
        (select count(*) from {{ ref('fct_moves') }}) as move_count
)

select *
from totals
where assignment_count <> move_count
