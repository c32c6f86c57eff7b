{#-
    Counts of what became known of a member or an opportunity, for windows: how many there were at a place less how many at the begin of
    the window, both looked up in running sums (pit_join), so that no row meets each activity. `key` is member_id or opportunity_id.
-#}
{% macro counted_activities() -%}
    {{ return(['application', 'impression', 'click']) }}
{%- endmacro %}

{% macro activity_windows() -%}
    {{ return([7, 30, 90]) }}
{%- endmacro %}

{#- Names of the running sums. -#}
{% macro activity_counts() -%}
    {%- set names = [] -%}
    {%- for activity in counted_activities() -%}{%- do names.append(activity ~ '_count') -%}{%- endfor -%}
    {{ return(names) }}
{%- endmacro %}

{#- One row per key and `place` (a column of `activities`: _position or known_on) with the sums up to it and the next place. -#}
{% macro running_activities(activities, key, place, next_place) -%}
    select
        {{ key }},
        {{ place }},
        {%- for activity in counted_activities() %}
        cast(
            sum(sum(case when activity = '{{ activity }}' then 1 else 0 end)) over (
                partition by {{ key }}
                order by {{ place }}
                rows between unbounded preceding and current row
            ) as bigint
        ) as {{ activity }}_count,
        {%- endfor %}
        lead({{ place }}) over (partition by {{ key }} order by {{ place }}) as {{ next_place }}
    from {{ activities }}
    group by {{ key }}, {{ place }}
{%- endmacro %}

{#-
    One row per key and day of `days` (distinct `key` and requested_on), with the sums of what had become known before each window begins, as
    columns: application_count_before_7d, ... One sort for all windows: days of requests and of activities lie on one line.
-#}
{% macro sums_before_windows(days, activities, key) -%}
    select
        {{ key }},
        requested_on
        {%- for activity in counted_activities() %}
        {%- for days in activity_windows() %},
        coalesce({{ activity }}_count_before_{{ days }}d, 0) as {{ activity }}_count_before_{{ days }}d
        {%- endfor %}
        {%- endfor %}
    from (
        select
            {{ key }},
            requested_on
            {%- for activity in counted_activities() %}
            {%- for days in activity_windows() %},
            cast(
                sum({{ activity }}_count) over (
                    partition by {{ key }}
                    order by day_number
                    range between unbounded preceding and {{ days + 1 }} preceding
                ) as bigint
            ) as {{ activity }}_count_before_{{ days }}d
            {%- endfor %}
            {%- endfor %}
        from (
            select
                {{ key }},
                max(requested_on) as requested_on,
                day_number
                {%- for activity in counted_activities() %},
                sum({{ activity }}_count) as {{ activity }}_count
                {%- endfor %}
            from (
                select
                    {{ key }},
                    requested_on,
                    {{ days_between("date '1970-01-01'", 'requested_on') }} as day_number
                    {%- for activity in counted_activities() %},
                    0 as {{ activity }}_count
                    {%- endfor %}
                from {{ days }}
                union all
                select
                    {{ key }},
                    null as requested_on,
                    {{ days_between("date '1970-01-01'", 'known_on') }} as day_number
                    {%- for activity in counted_activities() %},
                    case when activity = '{{ activity }}' then 1 else 0 end as {{ activity }}_count
                    {%- endfor %}
                from {{ activities }}
            ) as told
            group by {{ key }}, day_number
        ) as days_of_key
    ) as summed
    where requested_on is not null
{%- endmacro %}
