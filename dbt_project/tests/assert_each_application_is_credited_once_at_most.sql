-- Last touch gives an application to one recommendation.
select
    application_id,
    count(*) as credited_count
from {{ ref('fct_recommendations') }}
where application_id is not null
group by application_id
having count(*) > 1
