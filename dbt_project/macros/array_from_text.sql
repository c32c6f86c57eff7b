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
