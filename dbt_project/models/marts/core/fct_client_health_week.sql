with

weeks as (select * from {{ ref('int_client_weeks') }}),

clients as (select * from {{ ref('int_clients_zoned') }}),

client_weeks as (select * from {{ ref('fct_client_week') }}),

opportunities as (select * from {{ ref('stg_app__opportunities') }}),

applications as (select * from {{ ref('fct_applications') }}),

feedback as (select * from {{ ref('stg_app__match_feedback') }}),

cut_spans as (select * from {{ ref('int_cut_spans') }}),

answers as (      -- one row per opportunity that anybody applied to since its latest opening
    select
        opportunities.client_id,
        opportunities.opened_at,
        min(applications.applied_at) as first_applied_at
    from opportunities
    inner join applications
        on
            opportunities.opportunity_id = applications.opportunity_id
            and opportunities.opened_at <= applications.applied_at
    where opportunities.deleted_at is null
    group by opportunities.client_id, opportunities.opportunity_id, opportunities.opened_at
),

happenings as (      -- one row per thing that counts for or against a component
    select
        client_id,
        'postings_per_100_members' as component,
        opened_at as happened_at,
        cast(1 as {{ type_name('double precision') }}) as amount
    from opportunities
    where deleted_at is null and opened_at is not null
    union all
    select
        client_id,
        'fill_rate' as component,
        coalesce(filled_at, closed_at) as happened_at,
        case when filled_at is not null then cast(1 as {{ type_name('double precision') }}) else 0 end
            as amount
    from opportunities
    where deleted_at is null and status in ('filled', 'closed', 'cancelled')
    union all
    select
        client_id,
        'positive_feedback_share' as component,
        created_at as happened_at,
        case when feedback_kind = 'thumbs_up' then cast(1 as {{ type_name('double precision') }}) else 0 end
            as amount
    from feedback
    union all
    select
        client_id,
        'median_days_to_first_application' as component,
        first_applied_at as happened_at,
        {{ seconds_between('opened_at', 'first_applied_at') }} / 86400 as amount
    from answers
),

amounts as (      -- one row per client, week and component that anything happened to
    select
        weeks.client_id,
        weeks.week_starts_on,
        happenings.component,
        sum(happenings.amount) as total,
        avg(happenings.amount) as mean,
        {{ percentile('happenings.amount', 0.5) }} as median
    from weeks
    inner join happenings
        on
            weeks.client_id = happenings.client_id
            and weeks.week_starts_at <= happenings.happened_at
            and weeks.week_ends_at > happenings.happened_at
    group by weeks.client_id, weeks.week_starts_on, happenings.component
),

readings as (      -- one row per client and week in which readers saw models
    select
        weeks.client_id,
        weeks.week_starts_on,
        sum({{ seconds_between(
            greatest_known('cut_spans.read_from', 'weeks.week_starts_at'),
            least_known('cut_spans.read_to', 'weeks.week_ends_at')
        ) }}) as observed_seconds,
        sum(case
            when cut_spans.stale_from < weeks.week_ends_at and cut_spans.read_to > weeks.week_starts_at
                then {{ seconds_between(
                    greatest_known('cut_spans.stale_from', 'weeks.week_starts_at'),
                    least_known('cut_spans.read_to', 'weeks.week_ends_at')
                ) }}
            else 0
        end) as stale_seconds
    from weeks
    inner join cut_spans
        on
            weeks.week_starts_at < cut_spans.read_to
            and weeks.week_ends_at > cut_spans.read_from
    group by weeks.client_id, weeks.week_starts_on
),

measured as (
    select
        client_weeks.client_id,
        'active_seat_share' as component,
        {{ safe_divide('client_weeks.active_member_count', 'clients.licensed_seats') }} as measure,
        client_weeks.week_starts_on
    from client_weeks
    inner join clients on client_weeks.client_id = clients.client_id
    union all
    select
        client_weeks.client_id,
        'postings_per_100_members' as component,
        {{ safe_divide('100 * coalesce(amounts.total, 0)', 'client_weeks.member_count') }} as measure,
        client_weeks.week_starts_on
    from client_weeks
    left join amounts
        on
            client_weeks.client_id = amounts.client_id
            and client_weeks.week_starts_on = amounts.week_starts_on
            and amounts.component = 'postings_per_100_members'
    union all
    select
        client_id,
        component,
        case when component = 'median_days_to_first_application' then median else mean end as measure,
        week_starts_on
    from amounts
    where component <> 'postings_per_100_members'
    union all
    select
        client_id,
        'freshness_share' as component,
        1 - {{ safe_divide('stale_seconds', 'observed_seconds') }} as measure,
        week_starts_on
    from readings
)

select * from measured
