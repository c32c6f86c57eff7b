{{ config(materialized='table') }}

with

requests as (select * from {{ ref('int_match_requests') }}),

sights as (select * from {{ ref('int_match_sights') }}),

seen as (      -- one row per request of whose list something was seen
    select
        request_id,
        min(impression_id) as list_id
    from sights
    group by request_id
),

lists as (
    select
        seen.list_id,
        requests.*
    from seen
    inner join requests on seen.request_id = requests.request_id
)

select * from lists
