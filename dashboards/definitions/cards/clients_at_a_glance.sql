-- One row per client over the last twelve closed weeks; stocks are those of the newest of them.
with

weekly as (select * from {{ ref('rpt_overview_weekly') }}),

numbered as (
    select
        *,
        row_number() over (partition by client_id order by week_starts_on desc) as newness
    from weekly
    where client_id is not null and is_complete_week
),

recent as (select * from numbered where newness <= 12),

summed as (      -- weeks that a rate would count in part are left out of both its sums
    select
        client_name,
        max(member_count) filter (where newness = 1) as members,
        sum(active_member_count) as active_member_count,
        sum(tracked_member_count) as tracked_member_count,
        sum(application_count) as applications,
        sum(hire_count) as hires,
        sum(internal_hire_count) as internal_hire_count,
        sum(external_hire_count) as external_hire_count,
        sum(accepted_count) filter (where is_acceptance_complete) as accepted_count,
        sum(mature_viewed_count) filter (where is_acceptance_complete) as mature_viewed_count,
        max(open_opportunity_count) filter (where newness = 1) as open_opportunities
    from recent
    group by client_name
)

select
    client_name,
    members,
    {{ metric('active_share') }} as active_share,
    applications,
    hires,
    {{ metric('internal_fill_rate') }} as internal_fill_rate,
    {{ metric('match_acceptance_rate') }} as acceptance_rate,
    open_opportunities
from summed
order by applications desc
