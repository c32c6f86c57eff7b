-- One row per client (and all clients), model version, dimension and category: scores.
with

audit as (select * from {{ ref('rpt_bias_audit_summary') }})

select
    coalesce(audit.client_name, {{ filter('client') }}) as client_name,
    audit.model_label,
    case audit.dimension when 'sex' then 'Sex' else 'Race or ethnicity' end as dimension,
    audit.category,
    audit.n,
    audit.rate,
    audit.impact_ratio,
    audit.ir_ci_low,
    audit.ir_ci_high,
    audit.p_value,
    case
        when audit.is_suppressed then 'hidden'
        when audit.is_unknown then 'not compared'
        when audit.is_excluded_lt2pct then 'under 2 %'
        when audit.adverse_impact then 'below'
        when audit.impact_ratio is null then 'not compared'
        else 'met'
    end as verdict
from audit
where audit.metric = 'scoring' and audit.dimension in ('sex', 'race')
order by client_name, audit.model_version_id desc, dimension desc, audit.is_unknown, audit.category
