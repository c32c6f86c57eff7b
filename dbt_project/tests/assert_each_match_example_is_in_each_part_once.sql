-- Accounting: the spine is the seen impressions of members who may be learned from and what was drawn for their lists, and each example
-- is once in each part and in the wide table.
with

counts as (
    select
        'ml_match_spine' as part,
        count(*) as row_count,
        count(distinct example_id) as example_count,
        sum(example_id) as example_sum
    from {{ ref('ml_match_spine') }}
    union all
    select
        'ml_match_opportunity_features' as part,
        count(*) as row_count,
        count(distinct example_id) as example_count,
        sum(example_id) as example_sum
    from {{ ref('ml_match_opportunity_features') }}
    union all
    select
        'ml_match_pair_features' as part,
        count(*) as row_count,
        count(distinct example_id) as example_count,
        sum(example_id) as example_sum
    from {{ ref('ml_match_pair_features') }}
    union all
    select
        'ml_match_activity_features' as part,
        count(*) as row_count,
        count(distinct example_id) as example_count,
        sum(example_id) as example_sum
    from {{ ref('ml_match_activity_features') }}
    union all
    select
        'ml_match_labels' as part,
        count(*) as row_count,
        count(distinct example_id) as example_count,
        sum(example_id) as example_sum
    from {{ ref('ml_match_labels') }}
    union all
    select
        'ml_match_splits' as part,
        count(*) as row_count,
        count(distinct example_id) as example_count,
        sum(example_id) as example_sum
    from {{ ref('ml_match_splits') }}
    union all
    select
        'ml_match_examples_v2' as part,
        count(*) as row_count,
        count(distinct example_id) as example_count,
        sum(example_id) as example_sum
    from {{ ref('ml_match_examples_v2') }}
),

seen as (select * from {{ ref('ml_match_spine') }}),

sources as (
    select
        (select count(*) from seen where example_kind = 'impression')
        + (select count(*) from {{ ref('ml_match_negatives') }}) as row_count,
        (select coalesce(sum(example_id), 0) from seen where example_kind = 'impression')
        + (select coalesce(sum(example_id), 0) from {{ ref('ml_match_negatives') }}) as example_sum
)

select counts.part
from counts
cross join sources
where
    counts.row_count <> sources.row_count
    or counts.example_count <> sources.row_count
    or counts.example_sum <> sources.example_sum
union all
-- after a refresh these are the sights of the requests that were told again
select 'int_match_sights' as part
from {{ ref('int_match_sights') }} as sights
left join seen on sights.impression_id * 64 = seen.example_id
where seen.example_id is null
