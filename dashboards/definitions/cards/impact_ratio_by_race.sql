-- One row per client (and all clients), category and stage: the newest model version, categories with
-- any ratio. Of all clients together every category where none has one: the page opens with these rows, and
-- where clients are small one of them may be shown when the sum over them would give a hidden one away.
with

audit as (select * from {{ ref('rpt_bias_audit_summary') }}),

told as (
    select
        audit.*,
        count(audit.impact_ratio) over (partition by audit.client_name, audit.category) as ratio_count,
        count(audit.impact_ratio) over (partition by audit.client_name) as client_ratio_count
    from audit
    where audit.is_newest_version and audit.dimension = 'race' and not audit.is_unknown
)

select
    coalesce(told.client_name, {{ filter('client') }}) as client_name,
    told.category,
    case told.outcome_rank
        when 0 then 'Score' else upper(left(told.tool_stage, 1)) || substr(told.tool_stage, 2)
    end as stage,
    told.impact_ratio,
    told.n
from told
where
    told.ratio_count > 0
    or (told.client_name is null and told.client_ratio_count = 0)
order by client_name, told.category, told.outcome_rank
