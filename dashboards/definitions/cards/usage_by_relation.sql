-- One row per relation: queries of thirty days, the ten most asked for.
with

sources as (select * from {{ ref('usage_sources') }}),

queries as (select * from {{ ref('usage_queries') }}),

reads as (select * from {{ ref('usage_reads') }}),

as_of as (select max(as_of) as at from sources)

select reads.relation, count(*) as query_count
from reads
inner join queries on reads.query_id = queries.query_id
inner join as_of on queries.asked_at > as_of.at - interval 30 days
group by reads.relation
order by query_count desc, reads.relation
limit 10
