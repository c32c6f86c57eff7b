{#-
    Histories may be deep: some keys with a hundred thousand versions each. A join that compares a row with all versions of its key is the
    fastest for a few versions, and never ends for many. So the depth of a history is asked when a model is built.
-#}

{#- The strategy of pit_join for a model's versions: `range` while no key has more than so many, else the warehouse's own for any depth. -#}
{% macro pit_strategy(versions, keys, shallow=64) -%}
    {{ return('range' if depth_of(versions, keys) | int <= shallow else ('line' if target.type == 'postgres' else none)) }}
{%- endmacro %}

{#- Versions of the key that has most; 0 where nobody can be asked: nothing is built yet, nothing runs, or a unit test does. -#}
{% macro depth_of(versions, keys) -%}
    {%- set relation = ref(versions) -%}
    {%- if not execute or not graph.get('nodes') or target.type not in ('duckdb', 'postgres') or load_relation(relation) is none -%}
    {{ return(0) }}
    {%- endif -%}
    {%- set query -%}
    select coalesce(max(version_count), 0)
    from (select count(*) as version_count from {{ relation }} group by {{ keys | join(', ') }}) as counted
    {%- endset -%}
    {{ return(run_query(query).columns[0].values()[0] | int) }}
{%- endmacro %}

{#-
    All versions that held at each row, of the rows of a history that belong to its `key` (a member's skills): those of `versions`, which are of
    the model `history` with the key `id`. Deep ones are looked up by id: then ids multiply rows, and their versions do not.
-#}
{% macro pit_set_join(rows, versions, history, key, id, columns, carried) -%}
    {%- set strategy = pit_strategy(history, id) -%}
    {%- if strategy == 'range' -%}
    select
        {% for column in carried %}pit_row.{{ column }},
        {% endfor -%}
        {% for column in columns %}pit_version.{{ column }}{% if not loop.last %},
        {% endif %}{% endfor %}
    from {{ rows }} as pit_row
    inner join {{ versions }} as pit_version
        on
            pit_row.{{ key }} = pit_version.{{ key }}
            and {{ known_before('pit_version', 'pit_row') }}
    {%- else -%}
    {%- set others = id | reject('equalto', key) | list -%}
    {%- set named -%}
    (
        select told.*{% for column in others %}, owned.{{ column }}{% endfor %}
        from {{ rows }} as told
        inner join (select distinct {{ ([key] + others) | join(', ') }} from {{ versions }}) as owned on told.{{ key }} = owned.{{ key }}
    )
    {%- endset -%}
    {%- set owned -%}
    (select *, {{ key }} as pit_owner from {{ versions }}) as owned_versions
    {%- endset -%}
    select
        {{ (carried + columns) | join(',\n        ') }}
    from (
        {{ pit_join(named, owned, keys=id, columns=columns + ['pit_owner'], carried=carried + [key] , strategy=strategy) }}
    ) as known
    where pit_owner = {{ key }}
    {%- endif -%}
{%- endmacro %}

{#-
    Strategy `line` of pit_join, for any depth without an asof join: rows and versions of a key on one line, on which each row remembers the
    newest place before it; of one place rows come first, since a version must lie strictly before.
-#}
{% macro pit_line(rows, versions, keys, columns, carried, at, since, until, is_deleted) -%}
    {%- set told = (carried + keys) | unique | list -%}
    select
        {{ pit_columns(carried, columns, is_deleted) }}
    from (
        select
            *,
            max(pit_since) over (
                partition by {{ keys | join(', ') }}
                order by pit_place, pit_is_version
                rows between unbounded preceding and current row
            ) as pit_newest
        from (
            select
                {{ told | join(', ') }},
                {{ at }} as pit_place,
                null as pit_since,
                0 as pit_is_version
            from {{ rows }} as told_rows
            union all
            select
                {% for column in told %}{{ column if column in keys else 'null' }},
                {% endfor -%}
                {{ since }} as pit_place,
                {{ since }} as pit_since,
                1 as pit_is_version
            from {{ versions }}
            where {{ until }} is null or {{ until }} > {{ since }}
        ) as line
    ) as pit_row
    left join {{ pit_last_of_transaction(versions, keys, columns, since, until, is_deleted) }} as pit_version
        on
            {{ pit_keys(keys) }}
            and pit_row.pit_newest = pit_version.{{ since }}
    where pit_row.pit_is_version = 0
{%- endmacro %}
