-- One row per client (and all clients) and kind of opportunity: assignments that began in the last
-- 26 closed weeks.
with

moves as (select * from {{ ref('fct_moves') }}),

clients as (select * from {{ ref('dim_client') }}),

closed_weeks as (select * from {{ ref('rpt_closed_weeks') }}),

counted as (
    select
        clients.client_name,
        moves.opportunity_kind,
        count(*) as move_count,
        count(*) filter (where moves.is_running) as running_count,
        count(*) filter (where moves.is_org_unit_change) as org_unit_change_count,
        count(moves.is_org_unit_change) as known_origin_count,
        count(*) filter (where moves.is_role_change) as role_change_count,
        count(moves.is_role_change) as known_role_count
    from moves
    inner join clients on moves.client_id = clients.client_id
    inner join closed_weeks on moves.week_starts_on = closed_weeks.week_starts_on
    where closed_weeks.weeks_ago <= 26
    group by grouping sets ((moves.opportunity_kind), (moves.opportunity_kind, clients.client_name))
)

select
    coalesce(client_name, {{ filter('client') }}) as client_name,
    replace(upper(left(opportunity_kind, 1)) || substr(opportunity_kind, 2), '_', ' ') as kind,
    move_count as moves,
    case when move_count >= 5 then {{ metric('org_unit_change_share') }} end as unit_change_share,
    case when move_count >= 5 then {{ metric('role_change_share') }} end as role_change_share,
    running_count as running
from counted
order by client_name, moves desc, kind
