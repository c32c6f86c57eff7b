-- Headline counts are of the facts: each application, hire, first sight and acceptance is in one week of its client.
with

totals as (
    select
        sum(application_count) as application_count,
        sum(hire_count) as hire_count,
        sum(viewed_count) as viewed_count,
        sum(accepted_count) as accepted_count
    from {{ ref('fct_client_week') }}
),

facts as (
    select
        (select count(*) from {{ ref('fct_applications') }}) as application_count,
        (select count(*) from {{ ref('fct_applications') }} where is_hired) as hire_count,
        (select count(*) from {{ ref('fct_recommendations') }} where is_viewed) as viewed_count,
        (
            select count(*) from {{ ref('fct_recommendations') }}
            where is_accepted and is_acceptance_mature
        ) as accepted_count
)

select totals.*
from totals
cross join facts
where
    coalesce(totals.application_count, 0) <> facts.application_count
    or coalesce(totals.hire_count, 0) <> facts.hire_count
    or coalesce(totals.viewed_count, 0) <> facts.viewed_count
    or coalesce(totals.accepted_count, 0) <> facts.accepted_count
