-- One row per card: its queries in the newest seven days with builds of pages, the 15 dearest.
with

dashboard_costs as (select * from {{ ref('rpt_dashboard_costs') }}),

newest as (
    select max(ran_on) as ran_on
    from dashboard_costs
)

select
    dashboard_costs.dashboard,
    dashboard_costs.card,
    sum(dashboard_costs.run_count) as run_count,
    sum(dashboard_costs.failed_count) as failed_count,
    sum(dashboard_costs.seconds) as seconds,
    max(dashboard_costs.longest_seconds) as longest_seconds,
    max(dashboard_costs.row_count) as row_count,
    sum(dashboard_costs.scanned_bytes) as scanned_bytes
from dashboard_costs
inner join newest on dashboard_costs.ran_on > newest.ran_on - 7
group by dashboard_costs.dashboard, dashboard_costs.card
order by seconds desc, dashboard_costs.dashboard, dashboard_costs.card
limit 15
