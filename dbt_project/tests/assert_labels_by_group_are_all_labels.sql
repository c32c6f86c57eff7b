-- Over all clients and over each dimension, sights with a label are as many by group as in all, and so are those labelled true.
with

counts as (select * from {{ ref('rpt_match_label_counts') }}),

spine as (select * from {{ ref('ml_match_spine') }}),

labels as (select * from {{ ref('ml_match_labels') }}),

totals as (
    select
        count(labels.label_apply_14d) as mature_count,
        count(case when labels.label_apply_14d then 1 end) as positive_count
    from spine
    inner join labels on spine.example_id = labels.example_id
    where spine.example_kind = 'impression'
)

select
    counts.dimension,
    counts.client_slug = '(all)' as is_over_all,
    sum(counts.mature_count) as mature_count
from counts
cross join totals
where counts.label_name = 'label_apply_14d'
group by counts.dimension, counts.client_slug = '(all)', totals.mature_count, totals.positive_count
having sum(counts.mature_count) <> totals.mature_count or sum(counts.positive_count) <> totals.positive_count
