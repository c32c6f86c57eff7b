select
    applications.application_id,
    clients.client_name,
    clients.industry,
    clients.region,
    opportunities.title as opportunity_title,
    opportunities.job_family,
    opportunities.country,
    applications.opportunity_kind,
    applications.source,
    applications.status,
    applications.current_stage_kind,
    applications.furthest_stage_kind,
    applications.days_to_hire,
    applications.days_open,
    applications.is_open,
    applications.is_hired,
    applications.is_internal,
    applications.applied_on,
    applications.applied_week_starts_on,
    applications.hired_on
from {{ ref('fct_applications') }} as applications
inner join {{ ref('dim_client') }} as clients on applications.client_id = clients.client_id
left join {{ ref('dim_opportunity') }} as opportunities
    on
        applications.client_id = opportunities.client_id
        and applications.opportunity_id = opportunities.opportunity_id
        and opportunities.is_current
