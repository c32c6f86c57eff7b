{#-
    A list from Postgres' text form of a one-dimensional array, such as {job,gig} or {"a \"b\"",NULL}: NULL stays NULL,
    {} becomes an empty list, unquoted NULL a NULL element, quoted text loses its quotes and escapes.
    Raw tables hold arrays as text because warehouses differ in what they can store; see the manual of Postgres, 8.15.6.
-#}
{% macro array_from_text(column, element_type='text') -%}
    {{ return(adapter.dispatch('array_from_text', 'flux')(column, element_type)) }}
{%- endmacro %}

{% macro duckdb__array_from_text(column, element_type) -%}
    cast(list_transform(
            regexp_extract_all(
                regexp_extract({{ column }}, '\{(.*)\}', 1, 's'), '"(?:[^"\\]|\\.)*"|[^,]+', 0, 's'
            ),
            lambda item: case
                when item[1] = '"' then regexp_replace(item[2:-2], '\\(.)', '\1', 'gs')
                when upper(item) = 'NULL' then null
                else item
            end
        ) as {{ element_type }}[])
{%- endmacro %}

{% macro postgres__array_from_text(column, element_type) -%}
    cast({{ column }} as {{ element_type }}[])
{%- endmacro %}

{#- Elements that are NULL are left out: no table there can hold them. -#}
{% macro bigquery__array_from_text(column, element_type) -%}
    case when {{ column }} is not null then array(
        select cast(
            case
                when starts_with(item, '"') then regexp_replace(substr(item, 2, length(item) - 2), r'\\(.)', r'\1')
                else item
            end as {{ type_name(element_type) }}
        )
        from unnest(regexp_extract_all(
            regexp_extract({{ column }}, r'(?s)\{(.*)\}'), r'(?s)"(?:[^"\\]|\\.)*"|[^,]+'
        )) as item with offset as place
        where upper(item) <> 'NULL'
        order by place
    ) end
{%- endmacro %}

{% macro snowflake__array_from_text(column, element_type) -%}
    transform(
        regexp_substr_all(
            regexp_substr({{ column }}, $$\{(.*)\}$$, 1, 1, 'se', 1), $$"([^"\\]|\\.)*"|[^,]+$$, 1, 1, 's'
        ),
        item varchar -> cast(
            case
                when left(item, 1) = '"'
                    then regexp_replace(substr(item, 2, length(item) - 2), $$\\(.)$$, $$\\1$$)
                when upper(item) = 'NULL' then null
                else item
            end as {{ type_name(element_type) }}
        )
    )
{%- endmacro %}
