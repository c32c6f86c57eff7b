-- One row per client (and all clients) and closed week: the stock at the week's end.
with

weekly as (select * from {{ ref('rpt_overview_weekly') }})

select client_name, week_starts_on, open_opportunity_count as open_opportunities
from weekly
where is_complete_week
order by client_name, week_starts_on
