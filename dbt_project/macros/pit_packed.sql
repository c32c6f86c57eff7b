{#- DuckDB sorts keys of up to 24 bytes in place and longer ones far slower; a key of 8, a place of 16 and their marks of NULL are two bytes
    too many. So places and the order within them are packed into 8 bytes wherever these hold them: in a history of one epoch, nearly
    always. Else both are compared, one after the other. Only one half of the union has rows. 1 M rows x 5 M versions, beside 0.78 s for
    a sort of the history: packed 0.92 s, not packed 1.23, with a window for `until` 1.6 (2026-11). `versions` is read three times: name a
    relation, or a common table expression that is `not materialized`. -#}
{% macro pit_packed(rows, versions, keys, columns, carried, at, since, order, is_deleted) -%}
    with

    pit_history as (      -- one row
        select
            min(_epoch) as epoch,
            min(_lsn) as first_lsn,
            max(_lsn) - min(_lsn) + 1 as lsn_count,
            max({{ order }}) + 1 as change_count,
            min(_epoch) = max(_epoch) and min({{ order }}) >= 0 as is_plain
        from {{ versions }}
    ),

    pit_scale as materialized (      -- one row; 2^63 is some 9.2e18
        select
            {{ commit_position('epoch', 'first_lsn') }} as least,
            first_lsn,
            lsn_count,
            change_count,
            coalesce(is_plain and (cast(lsn_count as double) + 1) * change_count < 9e18, false) as is_packed
        from pit_history
    )

    select
        {{ pit_columns(carried, columns, is_deleted) }}
    from (
        select
            every_row.*,
            cast(
                case
                    when every_row.{{ at }} > pit_scale.least + pit_scale.lsn_count then pit_scale.lsn_count
                    when every_row.{{ at }} < pit_scale.least then 0
                    else every_row.{{ at }} - pit_scale.least
                end as bigint
            ) * pit_scale.change_count as pit_at
        from {{ rows }} as every_row
        cross join pit_scale
        where pit_scale.is_packed
    ) as pit_row
    asof left join (
        select
            {{ pit_read(keys, columns, is_deleted) }},
            (every_version._lsn - pit_scale.first_lsn) * pit_scale.change_count + every_version.{{ order }} as pit_place
        from {{ versions }} as every_version
        cross join pit_scale
        where pit_scale.is_packed
    ) as pit_version
        on
            {{ pit_keys(keys) }}
            and pit_row.pit_at > pit_version.pit_place

    union all

    select
        {{ pit_columns(carried, columns, is_deleted) }}
    from (
        select every_row.*
        from {{ rows }} as every_row
        cross join pit_scale
        where not pit_scale.is_packed
    ) as pit_row
    asof left join (
        select
            {{ pit_read(keys, columns, is_deleted) }},
            row(cast(every_version.{{ since }} as decimal(38, 0)), cast(every_version.{{ order }} as bigint)) as pit_place
        from {{ versions }} as every_version
        cross join pit_scale
        where not pit_scale.is_packed
    ) as pit_version
        on
            {{ pit_keys(keys) }}
            and row(cast(pit_row.{{ at }} as decimal(38, 0)), cast(-9223372036854775808 as bigint)) > pit_version.pit_place
{%- endmacro %}

{% macro pit_read(keys, columns, is_deleted) -%}
    {% for column in (keys + columns + ([is_deleted] if is_deleted else [])) | unique -%}
    every_version.{{ column }}{% if not loop.last %},
            {% endif %}
    {%- endfor %}
{%- endmacro %}
