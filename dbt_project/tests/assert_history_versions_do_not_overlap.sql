-- At any moment at most one version of a member or an opportunity is valid, and the current ones are the living rows.
with

versions as (
    select
        'member' as entity,
        member_id as entity_id,
        valid_from,
        valid_to,
        is_current
    from {{ ref('dim_member') }}
    union all
    select
        'opportunity' as entity,
        opportunity_id as entity_id,
        valid_from,
        valid_to,
        is_current
    from {{ checked_rows(ref('dim_opportunity')) }}
),

followed as (
    select
        *,
        lead(valid_from) over (partition by entity, entity_id order by valid_from) as next_valid_from
    from versions
),

overlapping as (
    select
        entity,
        entity_id,
        'overlap' as complaint
    from followed
    where next_valid_from is not null and (valid_to is null or valid_to > next_valid_from)
),

living as (
    select
        'member' as entity,
        member_id as entity_id
    from {{ ref('stg_app__members') }}
    where deleted_at is null
    union all
    select
        'opportunity' as entity,
        opportunity_id as entity_id
    from {{ checked_rows(ref('stg_app__opportunities'), of=ref('dim_opportunity')) }}
    where deleted_at is null
),

unmatched as (
    select
        coalesce(living.entity, current_versions.entity) as entity,
        coalesce(living.entity_id, current_versions.entity_id) as entity_id,
        'history and mirror differ' as complaint
    from living
    full outer join (select * from versions where is_current) as current_versions
        on
            living.entity = current_versions.entity
            and living.entity_id = current_versions.entity_id
    where living.entity_id is null or current_versions.entity_id is null
)

select * from overlapping
union all
select * from unmatched
