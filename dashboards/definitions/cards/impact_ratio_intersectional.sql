-- One row per client (and all clients), category and stage: the newest model version, categories with
-- any ratio.
with

audit as (select * from {{ ref('rpt_bias_audit_summary') }}),

newest as (
    select client_slug, max(model_version_id) as model_version_id
    from audit
    group by client_slug
),

named as (
    select
        audit.*,
        case
            when audit.client_slug = '(all)' then {{ filter('client') }}
            else upper(left(audit.client_slug, 1)) || replace(substr(audit.client_slug, 2), '-', ' ')
        end as client_name,
        case audit.metric
            when 'scoring' then 'Score'
            else upper(left(audit.tool_stage, 1)) || substr(audit.tool_stage, 2)
        end as stage,
        case audit.tool_stage
            when 'recommended' then case audit.metric when 'scoring' then 1 else 2 end
            when 'shortlisted' then 3
            when 'interviewed' then 4
            else 5
        end as stage_rank
    from audit
    inner join newest
        on audit.client_slug = newest.client_slug and audit.model_version_id = newest.model_version_id
    where audit.dimension = 'intersectional' and not audit.is_unknown
)

select client_name, category, stage, impact_ratio, n
from named
qualify count(impact_ratio) over (partition by client_name, category) > 0
order by client_name, category, stage_rank
