-- Plausible rows for the tables that the dashboards read; the tables exist already, with the columns of dbt's contracts.
-- The cut is 2026-03-11 09:30 UTC; the week of 2026-03-09 is still running. Noise is a hash of a row's keys,
-- so that the rows are the same each time.
create temp macro noise(k, number, salt) as (hash([k, number, salt]) % 10000)::double / 10000;

create temp table client_weeks as
select
    client_id, client_slug, client_name, share, week_index, client_id * 100 + week_index as k,
    date '2026-03-09' - (33 - week_index)::integer * 7 as week_starts_on,
    week_index < 33 as is_complete_week
from (
    values (1, 'northwind', 'Northwind Energy', 1.0), (2, 'halden', 'Halden Bank', 0.6), (3, 'ostra', 'Ostra Health', 0.3)
) as clients (client_id, client_slug, client_name, share)
cross join range(34) as weeks (week_index)
order by client_id, week_index;

insert into marts.dim_client by name
select distinct client_id, client_slug, client_name, 'Europe/Stockholm' as time_zone from client_weeks;

insert into reporting.rpt_closed_weeks
select week_index + 1, 33 - week_index, week_starts_on from client_weeks where client_id = 1 and is_complete_week;

-- An application passes each stage with some probability; each stage takes some days.
create temp table drawn as
select
    row_number() over () as application_id,
    client_weeks.*,
    week_starts_on::timestamp + to_seconds(noise(k, number, 1) * 604800) as applied_at,
    noise(k, number, 2) as r_kind, noise(k, number, 3) as r_source,
    noise(k, number, 4) as r_reason, noise(k, number, 5) as r_withdrawn,
    [1 + noise(k, number, 6) * 9, 1 + noise(k, number, 7) * 11,
     1 + noise(k, number, 8) * 12, 1 + noise(k, number, 9) * 8, 1 + noise(k, number, 10) * 5] as waits,
    [noise(k, number, 11) < .6, noise(k, number, 12) < .55,
     noise(k, number, 13) < .62, noise(k, number, 14) < .65, noise(k, number, 15) < .85] as passes
from client_weeks cross join range(60) as numbers (number)
where
    number < {scale} * share * (1 + 0.012 * week_index + 0.15 * sin(week_index / 4.0) + 0.2 * noise(k, number, 16));

create temp table staged as
select *, timestamp '2026-03-11 09:30:00' as cut_at
from drawn, unnest(range(1, 7)) as ranks (stage_rank), lateral (
    select
        applied_at + to_seconds(86400 * coalesce(list_sum(waits[1:stage_rank - 1]), 0)) as entered_at,
        applied_at + to_seconds(86400 * list_sum(waits[1:stage_rank])) as left_at
) as times
where
    applied_at < timestamp '2026-03-11 09:30:00'
    and entered_at < timestamp '2026-03-11 09:30:00'
    and (stage_rank = 1 or list_bool_and(passes[1:stage_rank - 1]));

insert into marts.fct_application_stages by name
select
    application_id * 10 + stage_rank as application_stage_event_id, client_id, application_id, stage_rank,
    ['applied', 'screen', 'interview', 'assessment', 'offer', 'hired'][stage_rank] as stage_kind,
    stage_rank < 6 and left_at > cut_at as is_open,
    entered_at::date as entered_on, entered_at, case when stage_rank < 6 and left_at <= cut_at then left_at end as left_at,
    epoch(least(left_at, cut_at) - entered_at) / 86400 as days_in_stage
from staged;

insert into marts.fct_applications by name
select
    application_id, client_id, application_id % 900 as opportunity_id, applied_at, week_starts_on as applied_week_starts_on,
    ['job', 'project', 'gig', 'mentorship', 'stretch_role'][1 + floor(sqrt(r_kind) * 5)::integer] as opportunity_kind,
    ['external', 'search', 'recommended', 'invited', 'referral'][1 + floor(r_source * 4.99)::integer] as source,
    r_source * 4.99 >= 1 as is_internal,
    stage_rank as furthest_stage_rank,
    case
        when stage_rank = 6 then 'hired'
        when left_at > cut_at then 'active'
        when r_withdrawn < .25 then 'withdrawn'
        else 'rejected'
    end as status,
    case when status = 'rejected' then ['skills_gap', 'position_filled', 'location'][1 + floor(r_reason * 2.99)::integer] end
        as reject_reason,
    status = 'hired' as is_hired,
    status = 'active' as is_open,
    case when is_hired then entered_at end as hired_at,
    case when is_hired then entered_at when status <> 'active' then left_at end as decided_at,
    hired_at::date as hired_on,
    date_trunc('week', hired_at)::date as hired_week_starts_on,
    date_diff('day', applied_at, hired_at) as days_to_hire
from staged
qualify stage_rank = max(stage_rank) over (partition by application_id);

insert into marts.fct_moves by name
select
    application_id as assignment_id, client_id, hired_on as started_on, hired_week_starts_on as week_starts_on,
    opportunity_kind, application_id % 3 = 0 as is_org_unit_change, application_id % 7 = 0 as is_role_change,
    application_id % 2 = 0 as is_running
from marts.fct_applications
where is_hired and is_internal;

insert into marts.fct_fills by name
select
    row_number() over () as opportunity_id, client_id, 1 as opening_number,
    ['job', 'project', 'gig'][1 + floor(noise(k, number, 17) * 2.99)::integer] as opportunity_kind,
    week_starts_on::timestamp + to_seconds(noise(k, number, 18) * 200000) as filled_at,
    filled_at - to_seconds(86400 * (12 + noise(k, number, 19) * 30 + noise(k, number, 20) * 30)) as opened_at,
    date_diff('day', opened_at, filled_at) as days_to_fill, week_starts_on
from client_weeks cross join range(8) as numbers (number)
where number < 8 * share;

insert into reporting.rpt_hiring_funnel_weekly by name
select
    client_id, client_slug, client_name, opportunity_kind, stage_kind, stage_rank,
    count(*) as application_count,
    count(*) filter (where furthest_stage_rank >= stage_rank) as reached_count,
    count(*) filter (where furthest_stage_rank = stage_rank) as stopped_count,
    applied_week_starts_on < date '2026-03-09' as is_complete_week,
    applied_week_starts_on as week_starts_on
from marts.fct_applications
inner join marts.dim_client using (client_id)
cross join (
    values ('applied', 1), ('screen', 2), ('interview', 3), ('assessment', 4), ('offer', 5), ('hired', 6)
) as stages (stage_kind, stage_rank)
group by all;

insert into reporting.rpt_recommendation_quality_weekly by name
select
    client_id, client_slug, client_name, week_starts_on, is_complete_week, position, 'homepage' as channel,
    1 + (week_index > 12)::integer + (week_index > 26)::integer as model_version_id,
    'ranker ' || model_version_id || '.0' as model_label,
    (400 * share / sqrt(position) * (0.9 + noise(k, position, 21) * 0.2))::integer as viewed_count,
    viewed_count as impression_count,
    (viewed_count * .16 / position ** .6 * (1 + .12 * model_version_id)
        * (.9 + noise(k, position, 22) * .2))::integer as clicked_impression_count,
    (viewed_count * .12)::integer as exploration_impression_count,
    (clicked_impression_count * .05)::integer as exploration_clicked_count,
    case when week_index < 31 then viewed_count else 0 end as mature_viewed_count,
    case when week_index < 31 then (clicked_impression_count * .45)::integer else 0 end as accepted_count,
    (accepted_count * 1.2)::integer as accepted_any_touch_count
from client_weeks cross join range(1, 11) as positions (position);

insert into reporting.rpt_recommendation_coverage_weekly by name
select
    client_id, client_slug, client_name, week_starts_on, is_complete_week,
    200 as open_opportunity_count, (118 + week_index + noise(k, 0, 23) * 9)::integer as shown_opportunity_count,
    1000 as member_count, (520 + 4 * week_index + noise(k, 0, 24) * 30)::integer as shown_member_count,
    (4000 * share)::integer as impression_count,
    .62 - .003 * week_index + noise(k, 0, 25) * .02 as exposure_gini,
    .78 + .002 * week_index + noise(k, 0, 26) * .02 as exposure_entropy
from client_weeks;

insert into reporting.rpt_impression_reconciliation_weekly by name
select
    client_id, client_slug, client_name, week_starts_on, is_complete_week,
    4000 as impression_count, (3500 + noise(k, 0, 27) * 120)::integer as viewed_event_count
from client_weeks;

insert into reporting.rpt_skill_supply_demand by name
select
    client_id, client_slug, client_name, week_starts_on, is_complete_week, skill_id, skill_name,
    ['skill', 'tool', 'knowledge'][1 + skill_id % 3] as skill_type,
    share * (34 - 1.4 * skill_id) * (.9 + .01 * week_index) * (.97 + noise(k, skill_id, 28) * .06) as demand_seats,
    (demand_seats * .9)::integer as opportunity_count, (demand_seats * 1.3)::integer as seat_count,
    (share * (40 + skill_id * 29) * (.97 + noise(k, skill_id, 29) * .06))::integer as supply_count,
    (supply_count * 1.8)::integer as holder_count,
    demand_seats - supply_count as skill_gap
from client_weeks
cross join (
    values (1, 'Python'), (2, 'SQL'), (3, 'Data engineering'), (4, 'Machine learning'), (5, 'Cloud architecture'),
    (6, 'Kubernetes'), (7, 'Cyber security'), (8, 'Product management'), (9, 'UX research'), (10, 'Financial modelling'),
    (11, 'Risk analysis'), (12, 'Negotiation'), (13, 'Project management'), (14, 'Change management'),
    (15, 'Power systems'), (16, 'Nursing informatics'), (17, 'Technical writing')
) as skills (skill_id, skill_name);

insert into marts.fct_recommendations by name
select
    row_number() over () as recommendation_id, client_id, week_starts_on as viewed_week_starts_on, true as is_viewed,
    noise(k, number, 30) * noise(k, number, 31) * .6 as score,
    noise(k, number, 32) < score as is_clicked
from client_weeks cross join range(120) as numbers (number)
where week_index > 17;

insert into reporting.rpt_overview_weekly by name
with applied as (
    select client_id, applied_week_starts_on as week_starts_on, count(*) as applications
    from marts.fct_applications
    group by all
),

hired as (
    select
        client_id, hired_week_starts_on as week_starts_on, count(*) as hires,
        count(*) filter (where is_internal and opportunity_kind = 'job') as internal,
        count(*) filter (where not is_internal and opportunity_kind = 'job') as outside
    from marts.fct_applications
    where is_hired
    group by all
),

quality as (
    select
        client_id, week_starts_on, sum(viewed_count) as viewed, sum(mature_viewed_count) as mature,
        sum(accepted_count) as accepted
    from reporting.rpt_recommendation_quality_weekly
    group by all
)

select
    client_id,
    coalesce(any_value(client_slug) filter (where client_id is not null), '(all)') as client_slug,
    case when client_id is null then 'All clients' else any_value(client_name) end as client_name,
    week_starts_on,
    bool_and(is_complete_week) as is_complete_week,
    coalesce(sum(applications), 0)::integer as application_count,
    coalesce(sum(hires), 0)::integer as hire_count,
    coalesce(sum(internal), 0)::integer as internal_hire_count,
    coalesce(sum(outside), 0)::integer as external_hire_count,
    sum(viewed)::integer as viewed_count, sum(mature)::integer as mature_viewed_count,
    sum(accepted)::integer as accepted_count,
    sum(mature) = sum(viewed) as is_acceptance_complete,
    sum((1600 * share + 5 * week_index)::integer) as member_count, member_count as tracked_member_count,
    sum((560 * share + 7 * week_index)::integer) as active_member_count,
    sum((60 * share + week_index % 9)::integer) as open_opportunity_count
from client_weeks
left join applied using (client_id, week_starts_on)
left join hired using (client_id, week_starts_on)
left join quality using (client_id, week_starts_on)
group by grouping sets ((client_id, week_starts_on), (week_starts_on));

insert into reporting.rpt_data_freshness by name
select
    relation, door, case door when 'events' then 'loaded' else 'streaming' end as state,
    case when lag_seconds > 300 then 'late' else 'fresh' end as status,
    100000 // (number + 1) as row_count, 130000 // (number + 1) as change_count, 0 as quarantined_count,
    lag_seconds, 60 * 4 ** (number % 8) as idle_seconds, 300 as target_seconds,
    timestamp '2026-03-11 09:30:00' - to_seconds(60 * 4 ** (number % 8)) as newest_change_at
from (
    values (0, 'raw_app.applications', 'postgres', 1.5), (1, 'raw_app.application_stage_events_of_the_first_quarter', 'postgres', 1510),
    (2, 'raw_app.match_recommendations', 'postgres', 2.5), (3, 'raw_app.match_impressions', 'postgres', 2.5),
    (4, 'raw_app.members', 'postgres', 410), (5, 'raw_app.member_skills', 'postgres', 3), (6, 'raw_app.users', 'postgres', 3),
    (7, 'raw_segment.recommendation_viewed', 'events', 8), (8, 'raw_segment.pages', 'events', 9)
) as tables (number, relation, door, lag_seconds);

insert into reporting.rpt_event_ledger by name
select
    'default' as source, 4 as segment_count, 101250 as accepted_count, 100000 as loaded_count, 1240 as duplicate_count,
    10 as quarantined_count, 0 as difference_count, timestamp '2026-03-11 09:31:00' as newest_loaded_at;

-- Women are scored lower by the newer version; cells of few people are hidden, as the model hides them.
insert into restricted.rpt_bias_audit_summary by name
with cells as (
    select
        client_slug, model_version_id, dimension, category, tool_stage, metric, stage,
        is_suppressed or (client_slug = 'ostra' and is_rare) as is_suppressed,
        (size * people)::bigint as assessed,
        (.5 - case when category like 'Female%' and model_version_id = 2 then .14 else 0 end
            + .04 * noise(length(category), size, model_version_id * 10 + stage)) as chosen
    from (values ('(all)', 900), ('northwind', 500), ('halden', 280), ('ostra', 120)) as clients (client_slug, size)
    cross join (values (1), (2)) as versions (model_version_id)
    cross join (values
        ('sex', 'Female', 1.0, false, false), ('sex', 'Male', 1.1, false, false), ('sex', 'Unknown', .3, false, false),
        ('race', 'White', 1.2, false, false), ('race', 'Asian', .5, false, false), ('race', 'Black', .3, false, true),
        ('race', 'Hispanic', .25, false, true), ('race', 'Unknown', .3, false, false),
        ('intersectional', 'Female, White', .6, false, false), ('intersectional', 'Male, White', .6, false, false),
        ('intersectional', 'Female, Asian', .25, false, true), ('intersectional', 'Male, Asian', .25, false, true),
        ('intersectional', 'Female, Black', .15, true, true), ('intersectional', 'Male, Black', .15, true, true)
    ) as groups (dimension, category, people, is_suppressed, is_rare)
    cross join (values
        ('recommended', 'scoring', 1), ('recommended', 'selection', 2), ('shortlisted', 'selection', 3),
        ('interviewed', 'selection', 4), ('hired', 'selection', 5)
    ) as stages (tool_stage, metric, stage)
)

select
    42 as audit_id, client_slug,
    case when client_slug <> '(all)' then upper(left(client_slug, 1)) || substr(client_slug, 2) end as client_name,
    model_version_id, model_version_id = 2 as is_newest_version, stage - 1 as outcome_rank, 'ranker ' || model_version_id || '.0' as model_label, tool_stage, metric,
    dimension, category, category = 'Unknown' as is_unknown, false as is_excluded_lt2pct, is_suppressed,
    case when not is_suppressed then assessed end as n,
    case when not is_suppressed then floor(assessed * chosen)::bigint end as selected,
    selected / n as rate,
    case when not is_unknown and not is_suppressed then chosen / max(chosen) filter (where category <> 'Unknown') over cell end
        as impact_ratio,
    impact_ratio * .93 as ir_ci_low, impact_ratio * 1.07 as ir_ci_high,
    case when impact_ratio < 1 then .001 + noise(assessed, length(category), 40) / 2 end as p_value,
    impact_ratio < .8 as adverse_impact,
    date '2025-03-11' as period_starts_on, date '2026-03-10' as period_ends_on
from cells
window cell as (partition by client_slug, model_version_id, tool_stage, metric, dimension);

insert into reporting.rpt_model_costs by name
select
    relation, 6 as build_count, 18 as test_count, 0 as failed_count, number * 20000 as row_count,
    number * 9000000 as stored_bytes, number * 41000000 as scanned_bytes, number * 77000000 as input_bytes,
    number * 1.75 as build_seconds, number * 0.5 as test_seconds, number * 0.6 as longest_seconds,
    number * 2.25 as cost_seconds, 175.5 as day_seconds, number * 2.25 / 175.5 as build_time_share,
    date '2026-03-10' - day_number::integer as ran_on
from (values
    (1, 'marts.dim_client'), (2, 'marts.fct_moves'), (3, 'reporting.rpt_overview_weekly'), (4, 'marts.fct_applications'),
    (5, 'marts.fct_sessions'), (6, 'marts.fct_recommendations'), (7, 'ml.ml_match_labels'), (8, 'ml.ml_match_examples_v2'),
    (9, 'marts.fct_impressions'), (10, 'reporting.rpt_days_in_stage_weekly'), (11, 'marts.fct_events'),
    (12, 'intermediate.int_match_sights')
) as models (number, relation)
cross join range(9) as days (day_number);

insert into reporting.rpt_dashboard_costs by name
select
    dashboard, card, 12 as run_count, 0 as failed_count, number * 30 as row_count,
    number * 7000000 as scanned_bytes, number * 0.11 as seconds, number * 0.012 as longest_seconds,
    date '2026-03-10' - day_number::integer as ran_on
from (values
    (1, 'overview', 'hires'), (2, 'hiring_funnel', 'time_to_hire'), (3, 'matching_quality', 'click_by_position')
) as cards (number, dashboard, card)
cross join range(9) as days (day_number);

insert into reporting.rpt_table_growth_daily by name
select
    relation, number * 20000 - day_number * 100 as row_count, 100 as row_growth,
    number * 30000000 - day_number * number * 400000 as stored_bytes, number * 400000 as growth_bytes, 1 as growth_days,
    date '2026-03-10' - day_number::integer as measured_on
from (values
    (3, 'marts.fct_events'), (2, 'raw_app.match_impressions'), (2, 'raw_app_history.match_impressions'), (1, '_flux.clock')
) as tables (number, relation)
cross join range(20) as days (day_number);

insert into reporting.rpt_relation_usage by name
select
    relation, dashboards, datasets, models as model_count, people as person_count, queries as read_count,
    queries * 900 as row_count, queries * 300000 as stored_bytes, queries * 1.5 as cost_seconds,
    queries = 0 as is_unread, case when queries > 0 then date '2026-03-09' end as last_read_on,
    date '2025-12-01' as watched_from_on, date '2026-03-10' as as_of_on
from (values
    ('marts.fct_moves', 'overview', null, 2, 3, 41), ('ml.ml_match_examples_v2', null, 'match', 0, 0, 9),
    ('reporting.rpt_retention_weekly', null, null, 0, 0, 0), ('marts.dim_org_unit', 'overview, supply_and_demand', null, 4, 0, 0)
) as tables (relation, dashboards, datasets, models, people, queries);

insert into reporting.rpt_disk_forecast by name
select
    part, 240 as sample_count, used as used_bytes, capacity as capacity_bytes, capacity - used as free_bytes,
    29.5 as observed_days, growth as growth_bytes_per_day, growth * 0.9 as least_growth_bytes_per_day,
    growth * 1.1 as most_growth_bytes_per_day, (capacity - used) / growth as days_until_full,
    (capacity - used) / growth / 1.1 as least_days_until_full, (capacity - used) / growth / 0.9 as most_days_until_full,
    timestamptz '2026-03-10 22:00:00+00' as measured_at
from (values
    ('disk', 61000000000, 120000000000, 412000000.0), ('log', 9000000000, null, 80000000.0)
) as parts (part, used, capacity, growth);
