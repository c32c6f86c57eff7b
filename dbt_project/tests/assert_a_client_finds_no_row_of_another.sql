-- Tenant isolation: filtered on one client, no report names another one, and the dimension knows each client;
-- rows over all clients carry no client_id.
{% set reports = [
    'rpt_hiring_funnel_weekly', 'rpt_time_to_hire_weekly', 'rpt_time_to_fill_weekly',
    'rpt_recommendation_quality_weekly', 'rpt_recommendation_coverage_weekly',
    'rpt_weekly_active_members', 'rpt_skill_supply_demand',
    'rpt_impression_reconciliation_weekly', 'rpt_overview_weekly',
    'rpt_internal_mobility_monthly', 'rpt_retention_weekly', 'rpt_active_members_daily',
    'rpt_client_health_weekly', 'rpt_days_in_stage_weekly',
    'rpt_debiased_clicks_weekly', 'rpt_list_diversity_weekly'
] %}
with

named as (
    {%- for report in reports %}
    select
        '{{ report }}' as report,
        client_id,
        client_slug
    from {{ ref(report) }}
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
)

select
    named.report,
    named.client_id,
    named.client_slug
from named
left join {{ ref('dim_client') }} as clients on named.client_id = clients.client_id
where
    (named.client_id is null) <> (named.client_slug = '(all)')
    or named.client_slug <> coalesce(clients.client_slug, '(all)')
