-- One row per application.
with

ranked as (
    select
        i,
        client_of(i, application_count()) as k,
        age_of(i, application_count()) as t,
        noise(i, 80) as merit,
        case
            when merit < 0.35 then 1
            when merit < 0.60 then 2
            when merit < 0.80 then 3
            when merit < 0.88 then 4
            when merit < 0.94 then 5
            else 6
        end as furthest,
        case
            when furthest = 6 then 'hired'
            when t > 0.97 or noise(i, 81) < 0.08 then 'active'
            when noise(i, 82) < 0.8 then 'rejected'
            else 'withdrawn'
        end as became,
        ['applied', 'screen', 'interview', 'assessment', 'offer', 'hired'] as kinds
    from numbers
    where i < application_count()
)

select
    row_id(i, application_count()) as application_id,
    k + 1 as client_id,
    member_id_of(k, pow(noise(i, 83), 1.5)) as member_id,
    opportunity_id_of(k, t, noise(i, 84)) as opportunity_id,
    case when noise(i, 85) < 1 / 3.0 then row_id(i * 6, impression_count()) end as recommendation_id,
    60 * k + furthest as current_stage_id,
    one_of(['job', 'job', 'job', 'gig', 'gig', 'project', 'mentorship', 'stretch_role'], opportunity_id - 1, 46)
        as opportunity_kind,
    one_of(['recommended', 'recommended', 'search', 'search', 'invited', 'referral'], i, 85) as source,
    became as status,
    kinds[furthest] as current_stage_kind,
    kinds[furthest] as furthest_stage_kind,
    case when became = 'rejected' then one_of(['skills', 'level', 'position filled', 'other'], i, 86) end as reject_reason,
    furthest as furthest_stage_rank,
    furthest as stage_entry_count,
    case when furthest = 6 then cast(decision_at as date) - cast(applied_at as date) end as days_to_hire,
    cast(case when became = 'active' then moment(1) else decision_at end as date) - cast(applied_at as date) as days_open,
    became = 'active' as is_open,
    furthest = 6 as is_hired,
    true as is_internal,
    cast(applied_at as date) as applied_on,
    cast(date_trunc('week', applied_at) as date) as applied_week_starts_on,
    case when furthest = 6 then cast(decision_at as date) end as hired_on,
    case when furthest = 6 then cast(date_trunc('week', decision_at) as date) end as hired_week_starts_on,
    applied_at,
    case when furthest >= 2 then applied_at + interval '3 days' end as screened_at,
    case when furthest >= 3 then applied_at + interval '9 days' end as interviewed_at,
    case when furthest >= 4 then applied_at + interval '14 days' end as assessed_at,
    case when furthest >= 5 then applied_at + interval '20 days' end as offered_at,
    case when became = 'hired' then decision_at end as hired_at,
    case when became = 'rejected' then decision_at end as rejected_at,
    case when became = 'withdrawn' then decision_at end as withdrawn_at,
    case when became <> 'active' then decision_at end as decided_at
from (select *, moment(t) as applied_at, moment(least(t + 0.01 + 0.04 * noise(i, 87), 1)) as decision_at from ranked)
