with

months as (select * from {{ ref('int_client_months') }}),

applications as (select * from {{ ref('fct_applications') }}),

moves as (select * from {{ ref('fct_moves') }}),

employments as (select * from {{ ref('int_member_employments') }}),

title_changes as (select * from {{ ref('int_title_changes') }}),

members_history as (select * from {{ ref('stg_app__members_history') }}),

histories as (      -- one row per client: titles before this moment are not known
    select
        client_id,
        min(valid_from) as known_from
    from members_history
    group by client_id
),

counts as (      -- one row per client, day and kind of thing counted
    select
        client_id,
        hired_on as counted_on,
        'internal_hires' as counted,
        count(*) as row_count,
        0 as part_count,
        0 as unknown_count
    from applications
    where is_hired and is_internal and opportunity_kind = 'job'
    group by client_id, hired_on
    union all
    select
        client_id,
        hired_on as counted_on,
        'external_hires' as counted,
        count(*) as row_count,
        count(case when is_rehire then 1 end) as part_count,
        0 as unknown_count
    from employments
    where worker_type = 'employee'
    group by client_id, hired_on
    union all
    select
        client_id,
        started_on as counted_on,
        'moves' as counted,
        count(*) as row_count,
        count(case when is_role_change then 1 end) as part_count,
        count(case when is_role_change is null then 1 end) as unknown_count
    from moves
    where opportunity_kind = 'job'
    group by client_id, started_on
),

pivoted as (      -- one row per client and month
    select
        months.client_id,
        months.month_starts_on,
        sum(case when counts.counted = 'internal_hires' then counts.row_count else 0 end)
            as internal_hire_count,
        sum(case when counts.counted = 'external_hires' then counts.row_count else 0 end)
            as external_hire_count,
        sum(case when counts.counted = 'external_hires' then counts.part_count else 0 end) as rehire_count,
        sum(case when counts.counted = 'moves' then counts.row_count else 0 end) as inside_transition_count,
        sum(case when counts.counted = 'moves' then counts.part_count else 0 end)
            as dissimilar_transition_count,
        sum(case when counts.counted = 'moves' then counts.unknown_count else 0 end)
            as unknown_transition_count
    from months
    left join counts
        on
            months.client_id = counts.client_id
            and months.month_starts_on <= counts.counted_on
            and months.as_of_on >= counts.counted_on
    group by months.client_id, months.month_starts_on
),

staffs as (      -- one row per client and month: who was employed on at least one day of it
    select
        months.client_id,
        months.month_starts_on,
        count(distinct employments.member_id) as member_count,
        count(distinct title_changes.member_id) as changed_title_member_count
    from months
    left join employments
        on
            months.client_id = employments.client_id
            and months.as_of_on >= employments.hired_on
            and (employments.terminated_on is null or months.month_starts_on <= employments.terminated_on)
    left join title_changes
        on
            employments.member_id = title_changes.member_id
            and months.month_starts_on <= title_changes.changed_on
            and months.as_of_on >= title_changes.changed_on
    group by months.client_id, months.month_starts_on
),

counted as (
    select
        months.*,
        pivoted.internal_hire_count,
        pivoted.external_hire_count,
        pivoted.rehire_count,
        pivoted.inside_transition_count,
        pivoted.dissimilar_transition_count,
        pivoted.unknown_transition_count,
        pivoted.inside_transition_count + pivoted.external_hire_count as transition_count,
        staffs.member_count,
        case when months.month_ends_at > histories.known_from then staffs.changed_title_member_count end
            as changed_title_member_count,
        coalesce(months.month_starts_at >= histories.known_from, false) as is_title_history_complete
    from months
    inner join pivoted
        on months.client_id = pivoted.client_id and months.month_starts_on = pivoted.month_starts_on
    inner join staffs
        on months.client_id = staffs.client_id and months.month_starts_on = staffs.month_starts_on
    left join histories on months.client_id = histories.client_id
),

final as (
    select
        client_id,
        client_slug,
        client_name,
        cast(internal_hire_count as integer) as internal_hire_count,
        cast(external_hire_count as integer) as external_hire_count,
        cast(rehire_count as integer) as rehire_count,
        cast(transition_count as integer) as transition_count,
        cast(inside_transition_count as integer) as inside_transition_count,
        cast(dissimilar_transition_count as integer) as dissimilar_transition_count,
        cast(unknown_transition_count as integer) as unknown_transition_count,
        cast(member_count as integer) as member_count,
        cast(changed_title_member_count as integer) as changed_title_member_count,
        {{ metric('internal_fill_rate') }} as internal_fill_rate,
        {{ metric('dissimilar_transition_rate') }} as dissimilar_transition_rate,
        {{ metric('changed_title_share') }} as changed_title_share,
        is_complete_month,
        is_title_history_complete,
        month_starts_on
    from counted
)

select * from final
