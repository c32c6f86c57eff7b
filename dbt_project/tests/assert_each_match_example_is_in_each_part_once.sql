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
        'ml_match_member_features' as part,
        count(*) as row_count,
        count(distinct example_id) as example_count,
        sum(example_id) as example_sum
    from {{ ref('ml_match_member_features') }}
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

sources as (
    select
        (select count(*) from {{ ref('int_match_sights') }})
        + (select count(*) from {{ ref('ml_match_negatives') }}) as row_count,
        (select 64 * coalesce(sum(impression_id), 0) from {{ ref('int_match_sights') }})
        + (select coalesce(sum(example_id), 0) from {{ ref('ml_match_negatives') }}) as example_sum
)

select counts.part
from counts
cross join sources
where
    counts.row_count <> sources.row_count
    or counts.example_count <> sources.row_count
    or counts.example_sum <> sources.example_sum
