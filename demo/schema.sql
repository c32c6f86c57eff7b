-- The talent marketplace's own schema: 32 relations, and the simulated clock.
--
-- Conventions of the product: bigint identity keys (uuid where ids are made by clients), client_id first in composite unique keys,
-- created_at/updated_at/deleted_at, money as numeric(12,2) with char(3). Timestamps are written by the application.
-- High-volume logs (requests, recommendations, impressions, notifications) carry next to no foreign keys, as in busy
-- products: a check costs more than the insert itself.
-- Shapes that a replicator must survive are here on purpose: enums, arrays, ranges, jsonb, interval, citext, TOASTed text under the
-- default replica identity, a partitioned table, a table without a key, replica identity full, a schema of protected data.

create extension if not exists citext;

create schema restricted;
revoke all on schema restricted from public;

create type opportunity_kind as enum ('job', 'project', 'gig', 'mentorship', 'stretch_role');
create type opportunity_status as enum ('draft', 'pending_approval', 'open', 'on_hold', 'filled', 'cancelled', 'closed');
create type application_status as enum ('active', 'hired', 'rejected', 'withdrawn');
create type skill_source as enum ('self', 'inferred', 'manager', 'resume', 'hris');
create type reco_channel as enum ('homepage', 'email_digest', 'search', 'manager_suggested', 'similar');
create type feedback_kind as enum ('thumbs_up', 'thumbs_down', 'dismiss', 'not_interested', 'report');
create type worker_type as enum ('employee', 'contractor', 'intern');
create type consent_purpose as enum ('matching', 'ml_training', 'analytics', 'demographics');

-- ------------------------------------------------------------------------------------------------ tenants and people

create table clients (                                   -- one row per client company
    id              bigint generated always as identity primary key,
    slug            text not null unique,
    name            text not null,
    industry        text not null,
    region          text not null check (region in ('us', 'eu', 'ap')),
    plan            text not null check (plan in ('starter', 'growth', 'enterprise')),
    settings        jsonb not null default '{}',         -- timezone, licensed_seats, features
    data_residency  text not null,
    ml_opt_out      boolean not null default false,
    contract_start  date not null,
    contract_end    date,
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    deleted_at      timestamptz
);

create table users (                                     -- one row per login
    id              uuid primary key,
    client_id       bigint not null references clients,
    email           citext not null,
    full_name       text not null,
    locale          text not null,
    timezone        text not null,
    roles           text[] not null default '{}',        -- member, manager, recruiter, admin
    last_login_at   timestamptz,
    sso_subject     text,
    is_active       boolean not null default true,
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    deleted_at      timestamptz
);
create unique index users_client_email_uq on users (client_id, lower(email::text)) where deleted_at is null;

create table org_units (                                 -- one row per unit of a client's organisation
    id              bigint generated always as identity primary key,
    client_id       bigint not null references clients,
    parent_id       bigint references org_units,
    name            text not null,
    path            text not null,                       -- ids from the root, '1.4.9'
    cost_center     text not null,
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    deleted_at      timestamptz,
    unique (client_id, path)
);

create table locations (                                 -- one row per site of a client
    id              bigint generated always as identity primary key,
    client_id       bigint not null references clients,
    name            text not null,
    country         char(2) not null,
    region          text not null,
    city            text not null,
    lat             numeric(9,6),
    lon             numeric(9,6),
    remote_ok       boolean not null default false,
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    unique (client_id, name)
);

create table job_architecture (                          -- one row per job profile and level of a client
    id              bigint generated always as identity primary key,
    client_id       bigint not null references clients,
    family          text not null,
    sub_family      text not null,
    title           text not null,
    level           smallint not null check (level between 1 and 8),
    onet_soc_code   char(10),
    esco_uri        text,
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    unique (client_id, title, level)
);

create table members (                                   -- one row per employment of a person (a rehire is a new row)
    id                     bigint generated always as identity primary key,
    client_id              bigint not null references clients,
    user_id                uuid not null references users on update cascade,
    employee_number        text not null,
    org_unit_id            bigint not null references org_units,
    manager_id             bigint references members,
    job_architecture_id    bigint not null references job_architecture,
    location_id            bigint not null references locations,
    worker_type            worker_type not null,
    hired_on               date not null,
    terminated_on          date,
    title                  text not null,
    level                  smallint not null,
    salary_band            int4range,                    -- yearly, thousands of the local currency
    open_to                opportunity_kind[] not null default '{}',
    weekly_capacity_hours  numeric(4,1) not null default 0,
    preferences            jsonb not null default '{}',
    profile_completeness   real not null default 0,      -- 0..1
    created_at             timestamptz not null default now(),
    updated_at             timestamptz not null default now(),
    deleted_at             timestamptz,
    unique (client_id, employee_number)
);
create index members_user_idx on members (user_id);
create index members_manager_idx on members (manager_id);
create index members_org_unit_idx on members (org_unit_id);

create table consents (                                  -- one row per consent given
    id              bigint generated always as identity primary key,
    client_id       bigint not null references clients,
    member_id       bigint not null references members,
    purpose         consent_purpose not null,
    granted_at      timestamptz not null,
    withdrawn_at    timestamptz,
    policy_version  text not null
);
alter table consents replica identity full;
create index consents_member_idx on consents (member_id, purpose);

create table restricted.member_demographics (            -- one row per member who told us
    member_id           bigint primary key references members,
    client_id           bigint not null references clients,
    sex                 text,
    race_ethnicity      text,
    age_band            text,
    disability          text,
    veteran             text,
    self_identified_at  timestamptz not null,
    consent_id          bigint references consents
);
revoke all on restricted.member_demographics from public;

-- ---------------------------------------------------------------------------------------------------------------- skills

create table skills (                                    -- one row per skill of the taxonomy, shared by all clients
    id               bigint generated always as identity primary key,
    esco_uri         text unique,                        -- 'flux:skill/...': our own scheme where ESCO's address is not known
    onet_element_id  text,
    name             text not null,
    skill_type       text not null check (skill_type in ('knowledge', 'skill', 'tool')),
    is_active        boolean not null default true,
    aliases          text[] not null default '{}',
    embedding        real[],                             -- 576 numbers: TOASTed
    created_at       timestamptz not null default now(),
    updated_at       timestamptz not null default now()
);

create table skill_relations (                           -- one row per directed relation; truncated and refilled by taxonomy releases
    from_skill_id  bigint not null references skills,
    to_skill_id    bigint not null references skills,
    relation       text not null check (relation in ('broader', 'related', 'essential_for')),
    weight         real not null,
    primary key (from_skill_id, to_skill_id, relation)
);

create table member_skills (                             -- one row per member and skill
    id            bigint generated always as identity primary key,
    client_id     bigint not null references clients,
    member_id     bigint not null references members,
    skill_id      bigint not null references skills,
    level         smallint not null check (level between 1 and 5),
    source        skill_source not null,
    confidence    numeric(4,3) not null,
    years         numeric(4,1),
    last_used_on  date,
    wants_to_use  boolean not null default false,
    created_at    timestamptz not null default now(),
    updated_at    timestamptz not null default now(),
    deleted_at    timestamptz,
    unique (client_id, member_id, skill_id)
);

create table skill_endorsements (                        -- one row per endorsement
    id               bigint generated always as identity primary key,
    client_id        bigint not null references clients,
    member_skill_id  bigint not null references member_skills,
    endorsed_by      bigint not null references members,
    level            smallint not null check (level between 1 and 5),
    comment          text,
    created_at       timestamptz not null default now(),
    revoked_at       timestamptz
);
create index skill_endorsements_member_skill_idx on skill_endorsements (member_skill_id);

-- --------------------------------------------------------------------------------------------------------- opportunities

create table opportunities (                             -- one row per job, project, gig, mentorship or stretch role on offer
    id                   bigint generated always as identity primary key,
    client_id            bigint not null references clients,
    kind                 opportunity_kind not null,
    title                text not null,
    description          text,                           -- TOASTed when long
    org_unit_id          bigint not null references org_units,
    location_id          bigint not null references locations,
    job_architecture_id  bigint references job_architecture,
    hiring_manager_id    bigint not null references members,
    recruiter_id         uuid references users on update cascade,
    status               opportunity_status not null default 'draft',
    openings             smallint not null default 1,
    hours_per_week       numeric(4,1),
    budget_amount        numeric(12,2),
    budget_currency      char(3),
    starts_on            date,
    ends_on              date,
    requisition_code     text not null,
    approved_at          timestamptz,
    opened_at            timestamptz,                    -- the latest opening: a reopening sets it anew
    filled_at            timestamptz,                    -- when the last opening's offer was accepted
    closed_at            timestamptz,
    close_reason         text,
    visibility           jsonb not null default '{}',
    attributes           jsonb not null default '{}',
    created_at           timestamptz not null default now(),
    updated_at           timestamptz not null default now(),
    deleted_at           timestamptz,
    unique (client_id, requisition_code)
);
alter table opportunities alter column description set storage external;  -- searched by part: kept uncompressed
create index opportunities_client_status_idx on opportunities (client_id, status);

create table opportunity_skills (                        -- one row per opportunity and skill asked for
    opportunity_id  bigint not null references opportunities on delete cascade,
    skill_id        bigint not null references skills,
    client_id       bigint not null references clients,
    importance      smallint not null check (importance between 1 and 5),
    min_level       smallint not null check (min_level between 1 and 5),
    is_required     boolean not null,
    primary key (opportunity_id, skill_id)
);

create table opportunity_hiring_team (                   -- one row per opportunity, member and role
    opportunity_id  bigint not null references opportunities on delete cascade,
    member_id       bigint not null references members,
    role            text not null check (role in ('hiring_manager', 'recruiter', 'coordinator', 'interviewer')),
    added_at        timestamptz not null,
    removed_at      timestamptz,
    primary key (opportunity_id, member_id, role)
);

-- -------------------------------------------------------------------------------------------------- matching: what was shown

create table model_versions (                            -- one row per deployed version of the matching engine
    id                   bigint generated always as identity primary key,
    name                 text not null,
    version              text not null,
    git_sha              text not null,
    training_dataset_id  text,
    deployed_at          timestamptz not null,
    retired_at           timestamptz,
    params               jsonb not null default '{}',
    unique (name, version)
);

create table recommendation_requests (                   -- one row per list asked of the matching engine
    id                uuid primary key,
    client_id         bigint not null,
    member_id         bigint not null,
    channel           reco_channel not null,
    surface           text not null check (surface in ('web', 'mobile', 'email')),
    model_version_id  bigint not null references model_versions,
    requested_at      timestamptz not null,
    context           jsonb not null default '{}',
    experiment_key    text,
    variant           text,
    candidate_count   integer not null,
    latency_ms        integer not null
);
create index recommendation_requests_member_idx on recommendation_requests (client_id, member_id, requested_at);

create table match_recommendations (                     -- one row per recommended opportunity of a list
    id              bigint generated always as identity,
    request_id      uuid not null,
    client_id       bigint not null,
    member_id       bigint not null,
    opportunity_id  bigint not null,
    rank            smallint not null,                   -- 1 = top
    score           double precision not null,           -- the model's probability of interest
    propensity      real not null,                       -- probability that the policy put this opportunity at this rank
    is_exploration  boolean not null default false,      -- placed at random to learn, not by score
    reasons         jsonb not null default '[]',
    feature_hash    bytea,
    created_at      timestamptz not null,
    expires_at      timestamptz,
    primary key (id, created_at)
) partition by range (created_at);
create index match_recommendations_request_idx on match_recommendations (request_id);
-- Monthly partitions are made for the simulated months; the default one takes all others.
create table match_recommendations_default partition of match_recommendations default;

-- recommendation_id = match_recommendations.id; that table's key also holds created_at, since it is partitioned by it.
create table match_impressions (                         -- one row per recommendation that the member saw
    id                 bigint generated always as identity primary key,
    recommendation_id  bigint not null,
    client_id          bigint not null,
    member_id          bigint not null,
    opportunity_id     bigint not null,
    position           smallint not null,                -- 1 = top
    viewport_ms        integer not null,
    shown_at           timestamptz not null,
    channel            reco_channel not null
);
create index match_impressions_recommendation_idx on match_impressions (recommendation_id);

create table match_feedback (                            -- one row per explicit reaction
    id                 bigint generated always as identity primary key,
    recommendation_id  bigint not null,
    client_id          bigint not null references clients,
    member_id          bigint not null references members,
    opportunity_id     bigint not null references opportunities,
    kind               feedback_kind not null,
    reason_code        text,
    comment            text,
    created_at         timestamptz not null
);
create index match_feedback_recommendation_idx on match_feedback (recommendation_id);

-- ----------------------------------------------------------------------------------------------------------------- hiring

create table stages (                                    -- one row per step of a client's process
    id                bigint generated always as identity primary key,
    client_id         bigint not null references clients,
    name              text not null,
    kind              text not null check (kind in ('applied', 'screen', 'interview', 'assessment', 'offer', 'hired')),
    position          smallint not null,
    opportunity_kind  opportunity_kind not null,
    unique (client_id, opportunity_kind, position)
);

create table reject_reasons (                            -- one row per reason of a client
    id         bigint generated always as identity primary key,
    client_id  bigint not null references clients,
    code       text not null,
    label      text not null,
    is_active  boolean not null default true,
    unique (client_id, code)
);

create table applications (                              -- one row per member and opportunity applied to
    id                 bigint generated always as identity primary key,
    client_id          bigint not null references clients,
    member_id          bigint not null references members,
    opportunity_id     bigint not null references opportunities,
    recommendation_id  bigint,
    source             text not null check (source in ('recommended', 'search', 'invited', 'referral', 'external')),
    status             application_status not null default 'active',
    current_stage_id   bigint not null references stages,
    applied_at         timestamptz not null,
    hired_at           timestamptz,
    rejected_at        timestamptz,
    withdrawn_at       timestamptz,
    reject_reason_id   bigint references reject_reasons,
    cover_note         text,
    answers            jsonb not null default '{}',
    created_at         timestamptz not null default now(),
    updated_at         timestamptz not null default now(),
    deleted_at         timestamptz,
    unique (client_id, member_id, opportunity_id)
);
alter table applications alter column cover_note set storage external;
create index applications_opportunity_idx on applications (opportunity_id);

create table application_stage_events (                  -- one row per step of an application; append-only
    id              bigint generated always as identity primary key,
    client_id       bigint not null references clients,
    application_id  bigint not null references applications on delete cascade,
    from_stage_id   bigint references stages,            -- null: the application's first event
    to_stage_id     bigint not null references stages,
    moved_by        uuid references users on update cascade,
    moved_at        timestamptz not null,
    reason          text,
    note            text
);
create index application_stage_events_application_idx on application_stage_events (application_id);

create table interviews (                                -- one row per interview planned
    id              bigint generated always as identity primary key,
    client_id       bigint not null references clients,
    application_id  bigint not null references applications on delete cascade,
    scheduled_at    timestamptz not null,
    duration        interval not null,
    interviewer_id  bigint not null references members,
    status          text not null check (status in ('scheduled', 'completed', 'cancelled', 'no_show')),
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now()
);
create index interviews_application_idx on interviews (application_id);

create table scorecards (                                -- one row per interview with a verdict
    interview_id  bigint primary key references interviews on delete cascade,
    client_id     bigint not null references clients,
    overall       text not null check (overall in ('strong_no', 'no', 'mixed', 'yes', 'strong_yes')),
    attributes    jsonb not null default '{}',           -- attribute -> 1..5
    notes         text,                                  -- TOASTed when long
    submitted_at  timestamptz not null
);
alter table scorecards alter column notes set storage external;

create table assignments (                               -- one row per move of a member into an opportunity
    id              bigint generated always as identity primary key,
    client_id       bigint not null references clients,
    member_id       bigint not null references members,
    opportunity_id  bigint not null references opportunities,
    application_id  bigint references applications,
    started_on      date not null,
    ended_on        date,
    outcome         text check (outcome in ('completed', 'extended', 'ended_early', 'converted')),
    member_rating   smallint check (member_rating between 1 and 5),
    manager_rating  smallint check (manager_rating between 1 and 5),
    hours_logged    numeric(7,1) not null default 0,
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now()
);
create index assignments_member_idx on assignments (client_id, member_id);

-- ------------------------------------------------------------------------------------------------------------- around it

create table saved_items (                               -- one row per opportunity kept by a member; deleted when let go
    id                 bigint generated always as identity primary key,
    client_id          bigint not null references clients,
    member_id          bigint not null references members,
    opportunity_id     bigint not null references opportunities,
    recommendation_id  bigint,
    saved_at           timestamptz not null,
    unique (client_id, member_id, opportunity_id)
);
alter table saved_items replica identity full;

create table mentorships (                               -- one row per mentorship asked for
    id            bigint generated always as identity primary key,
    client_id     bigint not null references clients,
    mentor_id     bigint not null references members,
    mentee_id     bigint not null references members,
    skill_id      bigint not null references skills,
    status        text not null check (status in ('requested', 'accepted', 'declined', 'ended')),
    requested_at  timestamptz not null,
    accepted_at   timestamptz,
    ended_at      timestamptz,
    updated_at    timestamptz not null default now()
);

create table notifications (                             -- one row per message to a member
    id          bigint generated always as identity primary key,
    client_id   bigint not null,
    member_id   bigint not null,
    channel     text not null check (channel in ('email', 'in_app', 'push')),
    template    text not null,
    payload     jsonb not null default '{}',
    queued_at   timestamptz not null,
    sent_at     timestamptz,
    opened_at   timestamptz,
    clicked_at  timestamptz,
    bounced     boolean not null default false
);

create table erasure_requests (                          -- one row per person who asked to be forgotten
    id            bigint generated always as identity primary key,
    client_id     bigint not null references clients,
    subject       uuid not null,                         -- users.id; the user may be gone
    requested_at  timestamptz not null,
    due_at        timestamptz not null,
    executed_at   timestamptz,
    scope         text[] not null,
    certificate   jsonb
);

create table audit_log_raw (                             -- one row per action; no key: rows may be equal in every column
    at         timestamptz not null,
    client_id  bigint,
    actor      uuid,
    action     text not null,
    entity     text not null,
    entity_id  text,
    detail     jsonb
);
alter table audit_log_raw replica identity full;
create index audit_log_raw_at_idx on audit_log_raw (at);

-- ------------------------------------------------------------------------------------------------------------- machinery

create table simulated_clock (                           -- one row per transaction of the simulator: when it happened in the story
    tx_no         bigint primary key,
    simulated_at  timestamptz not null
);
