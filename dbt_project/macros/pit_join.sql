{#-
    The point-in-time join: beside each row the newest version of its key whose place lies strictly before the row's, as one statement.
    Each row comes once, with NULLs when none was known or the newest one tells of a deletion.

        rows, versions   relations or names of common table expressions
        keys             columns of the same name on both sides
        columns          of the version; `carried` of the row
        at, since        columns that are compared: places in the order of commits, moments, days
        until            column of the version: `since` of the next one of its key (several changes of one transaction: the last wins)
        order            column with the order of versions of the same place, _seq; then versions carry `_epoch` and `_lsn`, too. DuckDB's asof
                         does without `until` with it, which is a window over the whole history (see pit_packed)
        is_deleted       column of the version; none where versions are never of deletions
        strategy         `asof`    (DuckDB's and Snowflake's own) sorts both sides: any depth of history
                         `lateral` (Postgres) looks each row's version up: few rows, versions with an index on keys and place
                         `range`   (everywhere) hashes keys and compares places: rows x versions of their key, so for shallow
                                   histories; the only one of BigQuery and the default of Postgres
                         `line`    (everywhere; Postgres for deep ones) sorts both sides as one: any depth (pit_depth.sql)
                         none      `asof` where there is one, else `range`
    One such join to a statement: several at once hold the sorts of all in memory (duckdb/duckdb#17001). Which one is faster where is in
    docs/training.md.
-#}
{% macro pit_join(
    rows, versions, keys, columns, carried, at='_position', since='_position', until='_next_position', order=none, is_deleted=none,
    strategy=none
) -%}
    {{ return(adapter.dispatch('pit_join', 'flux')(rows, versions, keys, columns, carried, at, since, until, order, is_deleted, strategy)) }}
{%- endmacro %}

{% macro default__pit_join(rows, versions, keys, columns, carried, at, since, until, order, is_deleted, strategy) -%}
    {{ pit_range(rows, versions, keys, columns, carried, at, since, until, is_deleted) }}
{%- endmacro %}

{% macro duckdb__pit_join(rows, versions, keys, columns, carried, at, since, until, order, is_deleted, strategy) -%}
    {%- if strategy == 'range' -%}
    {{ pit_range(rows, versions, keys, columns, carried, at, since, until, is_deleted) }}
    {%- else -%}
    {%- if order -%}
    {{ pit_packed(rows, versions, keys, columns, carried, at, since, order, is_deleted) }}
    {%- else -%}
    select
        {{ pit_columns(carried, columns, is_deleted) }}
    from {{ rows }} as pit_row
    asof left join {{ pit_last_of_transaction(versions, keys, columns, since, until, is_deleted) }} as pit_version
        on
            {{ pit_keys(keys) }}
            and pit_row.{{ at }} > pit_version.{{ since }}
    {%- endif %}
    {%- endif -%}
{%- endmacro %}

{% macro snowflake__pit_join(rows, versions, keys, columns, carried, at, since, until, order, is_deleted, strategy) -%}
    {%- if strategy == 'range' -%}
    {{ pit_range(rows, versions, keys, columns, carried, at, since, until, is_deleted) }}
    {%- else -%}
    select
        {{ pit_columns(carried, columns, is_deleted) }}
    from {{ rows }} as pit_row
    asof join {{ pit_last_of_transaction(versions, keys, columns, since, until, is_deleted) }} as pit_version
        match_condition (pit_row.{{ at }} > pit_version.{{ since }})
        on {{ pit_keys(keys) }}
    {%- endif -%}
{%- endmacro %}

{% macro postgres__pit_join(rows, versions, keys, columns, carried, at, since, until, order, is_deleted, strategy) -%}
    {%- if strategy == 'lateral' -%}
    select
        {{ pit_columns(carried, columns, is_deleted) }}
    from {{ rows }} as pit_row
    left join lateral (
        select *
        from {{ versions }} as every_version
        where
            {{ pit_keys(keys, 'every_version') }}
            and every_version.{{ since }} < pit_row.{{ at }}
            and (every_version.{{ until }} is null or every_version.{{ until }} > every_version.{{ since }})
        order by every_version.{{ since }} desc
        limit 1
    ) as pit_version on true
    {%- elif strategy == 'line' -%}
    {{ pit_line(rows, versions, keys, columns, carried, at, since, until, is_deleted) }}
    {%- else -%}
    {{ pit_range(rows, versions, keys, columns, carried, at, since, until, is_deleted) }}
    {%- endif -%}
{%- endmacro %}

{% macro pit_range(rows, versions, keys, columns, carried, at, since, until, is_deleted) -%}
    select
        {{ pit_columns(carried, columns, is_deleted) }}
    from {{ rows }} as pit_row
    left join {{ versions }} as pit_version
        on
            {{ pit_keys(keys) }}
            and pit_row.{{ at }} > pit_version.{{ since }}
            and (pit_version.{{ until }} is null or pit_row.{{ at }} <= pit_version.{{ until }})
{%- endmacro %}

{% macro pit_last_of_transaction(versions, keys, columns, since, until, is_deleted) -%}
    (
        select
            {{ (keys + columns + [since] + ([is_deleted] if is_deleted else [])) | unique | join(',\n            ') }}
        from {{ versions }}
        where {{ until }} is null or {{ until }} > {{ since }}
    )
{%- endmacro %}

{% macro pit_keys(keys, version='pit_version') -%}
    {% for key in keys %}pit_row.{{ key }} = {{ version }}.{{ key }}{% if not loop.last %} and {% endif %}{% endfor %}
{%- endmacro %}

{% macro pit_columns(carried, columns, is_deleted) -%}
    {% for column in carried %}pit_row.{{ column }},
        {% endfor -%}
    {% for column in columns -%}
        {%- if is_deleted -%}
        case when not pit_version.{{ is_deleted }} then pit_version.{{ column }} end as {{ column }}
        {%- else -%}
        pit_version.{{ column }}
        {%- endif -%}{% if not loop.last %},
        {% endif %}
    {%- endfor %}
{%- endmacro %}
