-- One row per client (and all clients) and closed week: median over the jobs' hires of the twelve
-- weeks that end with it. Medians of weeks cannot be averaged, hence from the applications
-- themselves.
with

clients as (select * from {{ ref('dim_client') }}),

applications as (select * from {{ ref('fct_applications') }}),

closed_weeks as (select * from {{ ref('rpt_closed_weeks') }}),

hires as (
    select clients.client_name, applications.hired_week_starts_on, applications.days_to_hire
    from applications
    inner join clients on applications.client_id = clients.client_id
    where applications.is_hired and applications.opportunity_kind = 'job'
)

select
    coalesce(hires.client_name, {{ filter('client') }}) as client_name,
    closed_weeks.week_starts_on,
    count(*) as hire_count,
    {{ metric('median_days_to_hire', 'hires') }} as median_days
from closed_weeks
inner join hires
    on
        hires.hired_week_starts_on
        between closed_weeks.week_starts_on - interval 77 days and closed_weeks.week_starts_on
where closed_weeks.week_number >= 12
group by grouping sets (
    (closed_weeks.week_starts_on), (closed_weeks.week_starts_on, hires.client_name)
)
having count(*) >= 5
order by 1, 2
