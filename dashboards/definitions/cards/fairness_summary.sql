-- One row per client (and all clients): the newest model version, by sex and by race.
with

audit as (select * from {{ ref('rpt_bias_audit_summary') }}),

named as (
    select
        audit.*,
        coalesce(audit.client_name, {{ filter('client') }}) as shown_name,
        audit.metric = 'scoring' as is_score,
        audit.dimension = 'sex' and audit.tool_stage = 'recommended' and audit.metric = 'selection' as is_by_sex,
        row_number() over (
            partition by audit.client_name, audit.metric
            order by audit.impact_ratio nulls last, audit.dimension, audit.category
        ) as place
    from audit
    where audit.is_newest_version and audit.dimension in ('sex', 'race')
),

counted as (
    select
        shown_name as client_name,
        max(model_label) as model_label,
        min(impact_ratio) filter (where is_score) as lowest_ratio,
        max(category) filter (where is_score and place = 1 and impact_ratio is not null) as lowest_category,
        count(impact_ratio) as compared_count,
        count(*) filter (where adverse_impact) as under_count,
        count(*) filter (where is_suppressed) as hidden_count,
        count(*) as cell_count,
        min(n) as least_n,
        sum(n) filter (where is_by_sex and is_unknown) as unknown_n,
        sum(n) filter (where is_by_sex) as all_n,
        coalesce(bool_or(is_suppressed) filter (where is_by_sex), true) as is_share_hidden
    from named
    group by shown_name
)

select
    client_name,
    lowest_ratio,
    coalesce(lowest_category || ' · ' || model_label, 'nothing to compare') as lowest_words,
    case when compared_count > 0 then under_count end as under_count,
    'of ' || compared_count || ' that are compared' as under_words,
    hidden_count,
    'of ' || cell_count || ' numbers' as hidden_words,
    case
        when not is_share_hidden then cast(coalesce(unknown_n, 0) as double precision) / nullif(all_n, 0)
    end as unknown_share,
    case when is_share_hidden then 'too few people' else model_label end as unknown_words,
    least_n
from counted
order by client_name
