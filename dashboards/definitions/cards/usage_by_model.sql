-- One row per published model: cards that show it, queries of thirty days that read it.
with

models as (select * from {{ ref('usage_models') }}),

sources as (select * from {{ ref('usage_sources') }}),

queries as (select * from {{ ref('usage_queries') }}),

reads as (select * from {{ ref('usage_reads') }}),

known as (
    select
        max(as_of) as at,
        coalesce(bool_or(is_known) filter (where source = 'flux query'), false) as has_flux,
        coalesce(bool_or(is_known) filter (where source = 'Metabase'), false) as has_metabase
    from sources
),

asked as (
    select
        reads.relation,
        count(*) filter (where queries.source = 'flux query') as flux_queries,
        count(*) filter (where queries.source = 'Metabase') as metabase_queries,
        max(queries.asked_at) as newest_at
    from reads
    inner join queries on reads.query_id = queries.query_id
    inner join known on queries.asked_at > known.at - interval 30 days
    group by reads.relation
)

select
    models.relation,
    models.owner,
    models.card_count,
    case when known.has_flux then coalesce(asked.flux_queries, 0) end as flux_queries,
    case when known.has_metabase then coalesce(asked.metabase_queries, 0) end as metabase_queries,
    asked.newest_at
from models
cross join known
left join asked on models.relation = asked.relation
order by
    models.card_count + coalesce(asked.flux_queries, 0) + coalesce(asked.metabase_queries, 0), models.relation
