-- All examples of a person have one bucket, all of a client are held out or none, and every flag is told.
with

spine as (select * from {{ ref('ml_match_spine') }}),

splits as (select * from {{ ref('ml_match_splits') }}),

joined as (
    select
        spine.subject_key,
        splits.*
    from spine
    left join splits on spine.example_id = splits.example_id
)

select
    'person' as side,
    count(*) as example_count
from joined
group by subject_key
having min(entity_bucket) <> max(entity_bucket) or min(entity_bucket) < 0 or max(entity_bucket) > 99
union all
select
    'client' as side,
    count(*) as example_count
from joined
group by client_id
having count(distinct is_client_holdout) > 1
union all
select
    'flag' as side,
    count(*) as example_count
from joined
where is_member_cold is null or is_opportunity_cold is null or is_client_holdout is null or entity_bucket is null
having count(*) > 0
