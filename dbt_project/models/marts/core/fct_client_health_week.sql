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
        'posting' as kind,
        opened_at as happened_at,
        true as is_good,
        cast(null as {{ type_name('double precision') }}) as days_to_first_application
    from opportunities
    where deleted_at is null and opened_at is not null
    union all
    select
        client_id,
        'ending' as kind,
        coalesce(filled_at, closed_at) as happened_at,
        filled_at is not null as is_good,
        cast(null as {{ type_name('double precision') }}) as days_to_first_application
    from opportunities
    where deleted_at is null and status in ('filled', 'closed', 'cancelled')
    union all
    select
        client_id,
        'feedback' as kind,
        created_at as happened_at,
        feedback_kind = 'thumbs_up' as is_good,
        cast(null as {{ type_name('double precision') }}) as days_to_first_application
    from feedback
    union all
    select
        client_id,
        'answer' as kind,
        first_applied_at as happened_at,
        true as is_good,
        {{ seconds_between('opened_at', 'first_applied_at') }} / 86400
            as days_to_first_application
    from answers
),

counts as (      -- one row per client and week
    select
        weeks.client_id,
        weeks.week_starts_on,
        count(case when happenings.kind = 'posting' then 1 end) as posting_count,
        count(case when happenings.kind = 'ending' then 1 end) as ended_count,
        count(case when happenings.kind = 'ending' and happenings.is_good then 1 end) as filled_count,
        count(case when happenings.kind = 'feedback' then 1 end) as feedback_count,
        count(case when happenings.kind = 'feedback' and happenings.is_good then 1 end) as positive_count,
        {{ metric('median_days_to_first_application', 'happenings') }}
            as median_days_to_first_application
    from weeks
    left join happenings
        on
            weeks.client_id = happenings.client_id
            and weeks.week_starts_at <= happenings.happened_at
            and weeks.week_ends_at > happenings.happened_at
    group by weeks.client_id, weeks.week_starts_on
),

readings as (      -- one row per client and week in which readers saw models
    select
        weeks.client_id,
        weeks.week_starts_on,
        sum({{ seconds_between(
            greatest_known('cut_spans.read_from', 'weeks.week_starts_at'),
            least_known('cut_spans.read_to', 'weeks.week_ends_at')
        ) }}) / 60 as observed_minutes,
        sum(case
            when cut_spans.stale_from < weeks.week_ends_at and cut_spans.read_to > weeks.week_starts_at
                then {{ seconds_between(
                    greatest_known('cut_spans.stale_from', 'weeks.week_starts_at'),
                    least_known('cut_spans.read_to', 'weeks.week_ends_at')
                ) }}
            else 0
        end) / 60 as stale_minutes
    from weeks
    inner join cut_spans
        on
            weeks.week_starts_at < cut_spans.read_to
            and weeks.week_ends_at > cut_spans.read_from
    group by weeks.client_id, weeks.week_starts_on
),

counted as (
    select
        client_weeks.client_id,
        clients.licensed_seats,
        client_weeks.active_member_count,
        client_weeks.member_count,
        cast(counts.posting_count as integer) as posting_count,
        cast(counts.ended_count as integer) as ended_opportunity_count,
        cast(counts.filled_count as integer) as filled_opportunity_count,
        cast(counts.feedback_count as integer) as feedback_count,
        cast(counts.positive_count as integer) as positive_feedback_count,
        counts.median_days_to_first_application,
        readings.observed_minutes,
        readings.stale_minutes,
        client_weeks.week_starts_on
    from client_weeks
    inner join clients on client_weeks.client_id = clients.client_id
    inner join counts
        on
            client_weeks.client_id = counts.client_id
            and client_weeks.week_starts_on = counts.week_starts_on
    left join readings
        on
            client_weeks.client_id = readings.client_id
            and client_weeks.week_starts_on = readings.week_starts_on
),

final as (
    select
        *,
        {{ metric('active_seat_share') }} as active_seat_share,
        {{ metric('postings_per_100_members') }} as postings_per_100_members,
        {{ metric('opportunity_fill_rate') }} as fill_rate,
        {{ metric('positive_feedback_share') }} as positive_feedback_share,
        {{ metric('freshness_share') }} as freshness_share
    from counted
)

select * from final
