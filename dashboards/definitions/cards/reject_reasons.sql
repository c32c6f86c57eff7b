-- One row per client (and all clients) and reason: applications that ended without a hire in the
-- last twelve weeks.
with

applications as (select * from {{ ref('fct_applications') }}),

clients as (select * from {{ ref('dim_client') }}),

newest as (select max(applied_at) as newest_at from applications),

ended as (
    select
        clients.client_name,
        case
            when applications.status = 'withdrawn' then 'Withdrawn'
            when applications.reject_reason is null then 'Rejected, no reason recorded'
            else replace(
                upper(left(applications.reject_reason, 1)) || substr(applications.reject_reason, 2), '_', ' '
            )
        end as reason
    from applications
    inner join clients on applications.client_id = clients.client_id
    inner join newest on applications.decided_at > newest.newest_at - interval 84 days
    where applications.status in ('rejected', 'withdrawn')
),

counted as (
    select coalesce(client_name, {{ filter('client') }}) as client_name, reason, count(*) as application_count
    from ended
    group by grouping sets ((reason), (reason, client_name))
),

suppressed as (
    select
        client_name,
        case when application_count >= 5 then reason else 'Other' end as reason,
        sum(application_count) as application_count
    from counted
    group by 1, 2
)

select client_name, reason, application_count
from suppressed
order by client_name, reason = 'Other', application_count desc, reason
