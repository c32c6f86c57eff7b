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

recent as (select * from numbered where newness <= 12)

select
    client_name,
    max(member_count) filter (where newness = 1) as members,
    sum(active_member_count)
    / nullif(sum(member_count) filter (where active_member_count is not null), 0) as active_share,
    sum(application_count) as applications,
    sum(hire_count) as hires,
    sum(internal_hire_count)
    / nullif(sum(internal_hire_count + external_hire_count), 0) as internal_fill_rate,
    sum(accepted_count) filter (where is_acceptance_complete)
    / nullif(sum(mature_viewed_count) filter (where is_acceptance_complete), 0) as acceptance_rate,
    max(open_opportunity_count) filter (where newness = 1) as open_opportunities
from recent
group by client_name
order by applications desc
