-- One to three versions per member.
with

versions as (
    select
        i,
        v,
        1 + cast(floor(3 * noise(i, 10)) as bigint) as version_count,
        client_of(i, member_count()) as k,
        one_of(['Sales', 'Engineering', 'Finance', 'Operations', 'People', 'Support', 'Legal', 'Research'], i, 11) as family
    from numbers
    cross join range(1, 4) as version_numbers (v)
    where i < member_count() and v <= version_count
)

select
    hex(hash(i, v)) as member_version_id,
    k + 1 as client_id,
    i + 1 as member_id,
    100 * k + cast(floor(100 * noise(i, 12 + v)) as bigint) as org_unit_id,
    nullif(member_id_of(k, noise(i, 16)), i + 1) as manager_id,
    50 * k + cast(floor(50 * noise(i, 17 + v)) as bigint) as job_architecture_id,
    10 * k + cast(floor(10 * noise(i, 21)) as bigint) as location_id,
    case when noise(i, 22) < 0.9 then 'employee' else one_of(['contractor', 'intern'], i, 23) end as worker_type,
    family || ' ' || one_of(['Associate', 'Specialist', 'Lead', 'Manager'], i, 24 + v) as job_title,
    family as job_family,
    one_of(['US', 'DE', 'GB', 'IN', 'SG', 'FR', 'BR', 'JP'], i, 28) as country,
    ['job', one_of(['gig', 'project', 'mentorship', 'stretch_role'], i, 36)] as open_to,
    least(1 + cast(floor(5 * noise(i, 29)) as integer) + v, 9) as level,
    floor(10 * noise(i, 37)) as weekly_capacity_hours,
    round(noise(i, 30 + v), 2) as profile_completeness,
    v < version_count or noise(i, 34) > 0.08 as is_employed,
    v = version_count as is_current,
    v = 1 as is_left_censored,
    cast(moment(-3 * noise(i, 35)) as date) as hired_on,
    case when not is_employed then cast(moment(0.9) as date) end as terminated_on,
    moment((v - 1) / version_count) as valid_from,
    case when v < version_count then moment(v / version_count) end as valid_to
from versions
