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

{#- Begins of the windows of each row: `window_days` and `window_on`, the first day that counts. -#}
{% macro windows_of(rows, carried) -%}
    {%- for days in activity_windows() %}
    select
        {{ carried | join(', ') }},
        {{ days }} as window_days,
        requested_on - {{ days }} as window_on
    from {{ rows }}
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
{%- endmacro %}

{#- The sums at the begins of the windows as columns of one row: application_count_before_7d, ... -#}
{% macro sums_before_windows(befores, carried) -%}
    select
        {{ carried | join(', ') }}
        {%- for activity in counted_activities() %}
        {%- for days in activity_windows() %},
        coalesce(max(case when window_days = {{ days }} then {{ activity }}_count end), 0)
            as {{ activity }}_count_before_{{ days }}d
        {%- endfor %}
        {%- endfor %}
    from {{ befores }}
    group by {{ carried | join(', ') }}
{%- endmacro %}
