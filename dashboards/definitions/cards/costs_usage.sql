-- One row per table for readers: who reads it, what depends on it, what it costs; the least read and dearest first.
with

relation_usage as (select * from {{ ref('rpt_relation_usage') }})

select
    relation,
    case
        when is_unread then 'unread for 60 days'
        when is_unread is null then 'not known yet'
        else 'read'
    end as words,
    person_count,
    read_count,
    last_read_on,
    dashboards,
    datasets,
    model_count,
    stored_bytes,
    cost_seconds
from relation_usage
order by
    case when is_unread then 0 when is_unread is null then 1 else 2 end, read_count, cost_seconds desc, relation
limit 100
