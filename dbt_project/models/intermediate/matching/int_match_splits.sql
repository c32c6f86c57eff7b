with

labels as (select * from {{ ref('int_match_labels') }}),

span as (      -- one row in all: the whole days that the spine covers
    select
        min(requested_at) as first_requested_at,
        cast({{ seconds_between('min(requested_at)', cut_at()) }} / 86400 as integer) as day_count
    from labels
),

borders as (      -- one row in all: 70 % train, 15 % valid, 15 % test of the time
    select
        {{ later('first_requested_at', 'cast(floor(day_count * 0.70) as integer)', 'day') }} as valid_from,
        {{ later('first_requested_at', 'cast(floor(day_count * 0.85) as integer)', 'day') }} as test_from
    from span
),

-- A row whose label window crosses a border would tell one side about the other: it belongs to neither.
splits as (
    select
        labels.impression_id,
        case
            when labels.label_matures_at > {{ cut_at() }} then 'immature'
            when labels.requested_at >= borders.test_from then 'test'
            when labels.label_matures_at > borders.test_from then 'embargo'
            when labels.requested_at >= borders.valid_from then 'valid'
            when labels.label_matures_at > borders.valid_from then 'embargo'
            else 'train'
        end as split
    from labels
    cross join borders
)

select * from splits
