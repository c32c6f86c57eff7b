with

opportunities as (select * from {{ ref('int_opportunities_versioned') }})

select * from opportunities
