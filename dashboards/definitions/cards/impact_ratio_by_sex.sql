-- One row per client (and all clients), category and stage: the newest model version, categories with
-- any ratio.
select
    coalesce(client_name, {{ filter('client') }}) as client_name,
    category,
    case outcome_rank
        when 0 then 'Score' else upper(left(tool_stage, 1)) || substr(tool_stage, 2)
    end as stage,
    impact_ratio,
    n
from {{ ref('rpt_bias_audit_summary') }}
where is_newest_version and dimension = 'sex' and not is_unknown
qualify count(impact_ratio) over (partition by client_name, category) > 0
order by client_name, category, outcome_rank
