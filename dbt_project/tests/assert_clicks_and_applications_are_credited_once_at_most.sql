-- No more sights of a member and an opportunity are credited with an application than were made; of a recommendation, no more are clicked than clicks came in.
with

spine as (select * from {{ ref('ml_match_spine') }}),

outcomes as (select * from {{ ref('ml_match_outcomes') }}),

reactions as (select * from {{ ref('ml_match_reactions') }}),

applications as (select * from {{ ref('int_applications_made') }}),

clicks as (select * from {{ ref('stg_segment__recommendation_clicked') }}),

credited as (
    select
        spine.member_id,
        spine.opportunity_id,
        count(*) as credited_count
    from spine
    inner join outcomes on spine.example_id = outcomes.example_id
    where outcomes.is_apply_attributed
    group by spine.member_id, spine.opportunity_id
),

made as (
    select
        member_id,
        opportunity_id,
        count(*) as made_count
    from applications
    group by member_id, opportunity_id
),

clicked as (
    select
        spine.recommendation_id,
        count(*) as clicked_count
    from spine
    inner join reactions on spine.example_id = reactions.example_id
    where reactions.click_24h_known_at is not null
    group by spine.recommendation_id
),

clicks_in as (
    select
        recommendation_id,
        count(*) as click_count
    from clicks
    group by recommendation_id
)

select
    'application' as fact,
    credited.credited_count,
    made.made_count
from credited
left join made on credited.member_id = made.member_id and credited.opportunity_id = made.opportunity_id
where credited.credited_count > coalesce(made.made_count, 0)
union all
select
    'click' as fact,
    clicked.clicked_count,
    clicks_in.click_count
from clicked
left join clicks_in on clicked.recommendation_id = clicks_in.recommendation_id
where clicked.clicked_count > coalesce(clicks_in.click_count, 0)
