-- No impression is both learned from and left out, and the history of sights has every one that is left out.
with

left_out as (select * from {{ ref('ml_match_left_out') }}),

examples as (select * from {{ ref('ml_match_examples_v2') }}),

sights as (select * from {{ ref('stg_app__match_impressions_history') }}),

seen as (select distinct impression_id from sights)

select left_out.impression_id
from left_out
left join examples on left_out.impression_id * 64 = examples.example_id
left join seen on left_out.impression_id = seen.impression_id
where examples.example_id is not null or seen.impression_id is null
