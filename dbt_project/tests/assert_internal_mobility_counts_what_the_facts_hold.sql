-- The months of internal mobility hold every hire and every move of their time.
with

report as (
    select
        client_id,
        min(month_starts_on) as first_on,
        sum(internal_hire_count) as internal_hire_count,
        sum(inside_transition_count) as inside_transition_count
    from {{ ref('rpt_internal_mobility_monthly') }}
    group by client_id
),

facts as (
    select
        report.client_id,
        (
            select count(*)
            from {{ ref('fct_applications') }} as applications
            where
                applications.client_id = report.client_id
                and applications.hired_on >= report.first_on
                and applications.is_internal
                and applications.opportunity_kind = 'job'
        ) as internal_hire_count,
        (
            select count(*)
            from {{ ref('fct_moves') }} as moves
            where
                moves.client_id = report.client_id
                and moves.started_on >= report.first_on
                and moves.started_on <= (
                    select max(months.as_of_on)
                    from {{ ref('int_client_months') }} as months
                    where months.client_id = report.client_id
                )
                and moves.opportunity_kind = 'job'
        ) as inside_transition_count
    from report
)

select report.*
from report
inner join facts on report.client_id = facts.client_id
where
    report.internal_hire_count <> facts.internal_hire_count
    or report.inside_transition_count <> facts.inside_transition_count
