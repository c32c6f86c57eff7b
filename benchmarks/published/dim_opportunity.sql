-- One or two versions per opportunity. Within a client they come in the order in which they were opened.
with

versions as (
    select
        i,
        v,
        1 + cast(floor(2 * noise(i, 40)) as bigint) as version_count,
        client_of(i, opportunity_count()) as k,
        age_of(i, opportunity_count()) as t,
        one_of(['Sales', 'Engineering', 'Finance', 'Operations', 'People', 'Support', 'Legal', 'Research'], i, 41) as family
    from numbers
    cross join range(1, 3) as version_numbers (v)
    where i < opportunity_count() and v <= version_count
)

select
    hex(hash(i, v, 1)) as opportunity_version_id,
    k + 1 as client_id,
    i + 1 as opportunity_id,
    100 * k + cast(floor(100 * noise(i, 42)) as bigint) as org_unit_id,
    10 * k + cast(floor(10 * noise(i, 43)) as bigint) as location_id,
    50 * k + cast(floor(50 * noise(i, 44)) as bigint) as job_architecture_id,
    member_id_of(k, noise(i, 45)) as hiring_manager_id,
    one_of(['job', 'job', 'job', 'gig', 'gig', 'project', 'mentorship', 'stretch_role'], i, 46) as opportunity_kind,
    case when v < version_count then 'open' else one_of(['open', 'filled', 'filled', 'closed'], i, 47) end as status,
    family || ' ' || one_of(['Analyst', 'Engineer', 'Lead', 'Manager', 'Partner'], i, 48) as title,
    family as job_family,
    one_of(['US', 'DE', 'GB', 'IN', 'SG', 'FR', 'BR', 'JP'], i, 49) as country,
    case when status = 'closed' then 'no budget' end as close_reason,
    1 + cast(floor(2 * noise(i, 50)) as integer) as openings,
    floor(20 * noise(i, 51)) as hours_per_week,
    status = 'open' as is_open,
    v = version_count as is_current,
    v = 1 as is_left_censored,
    cast(moment(t) as date) + 30 as starts_on,
    null as ends_on,
    moment(t) as approved_at,
    moment(t) as opened_at,
    case when status = 'filled' then moment(t + 0.06) end as filled_at,
    case when status = 'closed' then moment(t + 0.06) end as closed_at,
    moment(t + (v - 1) * 0.06) as valid_from,
    case when v < version_count then moment(t + v * 0.06) end as valid_to
from versions
