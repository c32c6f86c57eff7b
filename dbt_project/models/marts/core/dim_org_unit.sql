with recursive

org_units as (select * from {{ ref('stg_app__org_units') }}),

closure as (      -- one row per unit and ancestor, itself included
    select
        org_unit_id,
        org_unit_id as ancestor_org_unit_id,
        parent_org_unit_id as next_org_unit_id,
        0 as distance
    from org_units
    union all
    select
        closure.org_unit_id,
        org_units.org_unit_id as ancestor_org_unit_id,
        org_units.parent_org_unit_id as next_org_unit_id,
        closure.distance + 1 as distance
    from closure
    inner join org_units on closure.next_org_unit_id = org_units.org_unit_id
    -- A unit that is its own ancestor would never end.
    where closure.distance < 50
),

depths as (      -- one row per unit
    select
        org_unit_id,
        max(distance) as depth
    from closure
    group by org_unit_id
),

final as (
    select
        units.client_id,
        closure.org_unit_id,
        closure.ancestor_org_unit_id,
        units.org_unit_name,
        ancestors.org_unit_name as ancestor_name,
        units.cost_center,
        depths.depth,
        closure.distance
    from closure
    inner join depths on closure.org_unit_id = depths.org_unit_id
    inner join org_units as units on closure.org_unit_id = units.org_unit_id
    inner join org_units as ancestors on closure.ancestor_org_unit_id = ancestors.org_unit_id
)

select * from final
