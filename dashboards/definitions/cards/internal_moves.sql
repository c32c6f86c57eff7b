-- One row per client (and all clients) and closed week: assignments that began in the four weeks
-- that end with it.
with

weekly as (select * from {{ ref('rpt_overview_weekly') }}),

moves as (select * from {{ ref('fct_moves') }}),

weeks as (      -- every client and closed week, so that a week without a move counts as none
    select client_id, client_name, week_starts_on
    from weekly
    where is_complete_week
),

counted as (
    select
        weeks.client_name,
        weeks.week_starts_on,
        count(moves.assignment_id) as move_count
    from weeks
    left join moves
        on
            weeks.week_starts_on = moves.week_starts_on
            and (weeks.client_id is null or weeks.client_id = moves.client_id)
    group by 1, 2
),

rolling as (
    select
        client_name,
        week_starts_on,
        sum(move_count) over four_weeks as moves,
        count(*) over four_weeks as week_count
    from counted
    window four_weeks as (
        partition by client_name
        order by week_starts_on
        range between interval 21 days preceding and current row
    )
)

select client_name, week_starts_on, moves
from rolling
where week_count = 4
order by client_name, week_starts_on
