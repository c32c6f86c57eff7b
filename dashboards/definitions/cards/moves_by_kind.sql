-- One row per client (and all clients) and kind of opportunity: assignments that began in the last
-- 26 closed weeks.
with

moves as (select * from {{ ref('fct_moves') }}),

clients as (select * from {{ ref('dim_client') }}),

weekly as (select * from {{ ref('rpt_overview_weekly') }}),

weeks as (
    select week_starts_on
    from weekly
    where client_id is null and is_complete_week
    order by week_starts_on desc
    limit 26
)

select
    coalesce(clients.client_name, 'All clients') as client_name,
    replace(upper(left(moves.opportunity_kind, 1)) || substr(moves.opportunity_kind, 2), '_', ' ') as kind,
    count(*) as moves,
    case when count(*) >= 5 then avg(moves.is_org_unit_change::integer) end as unit_change_share,
    case when count(*) >= 5 then avg(moves.is_role_change::integer) end as role_change_share,
    count(*) filter (where moves.is_running) as running
from moves
inner join clients on moves.client_id = clients.client_id
where moves.week_starts_on in (select week_starts_on from weeks)
group by grouping sets ((moves.opportunity_kind), (moves.opportunity_kind, clients.client_name))
order by client_name, count(*) desc, kind
