with

members as (select * from {{ ref('int_members_versioned') }})

select * from members
