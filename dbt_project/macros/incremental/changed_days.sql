{#-
    Strategy `changed_days` of a fact by client and day: of each client of its list the days from told_from_on on are told again, and those
    before first_on or after last_on go.
-#}
{% macro get_incremental_changed_days_sql(arg_dict) -%}
    {%- set columns = get_quoted_csv(arg_dict.dest_columns | map(attribute='name')) -%}
    delete from {{ arg_dict.target_relation }} as told
    where not exists (
        select 1
        from {{ ref(list_of(model).name) }} as changed
        where
            changed.client_id = told.client_id
            and told.date_on >= changed.first_on
            and told.date_on < changed.told_from_on
    );
    insert into {{ arg_dict.target_relation }} ({{ columns }})
    select {{ columns }} from {{ arg_dict.temp_relation }}
{%- endmacro %}

{#- The first of a client's days that such a fact has to tell; the first of all in a full build. -#}
{% macro first_told_on() -%}
    changed.{{ 'told_from_on' if is_incremental() else 'first_on' }}
{%- endmacro %}
