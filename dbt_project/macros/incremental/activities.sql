{#- How int_match_activities is kept, which all of the match set reads (docs/decisions/0013). -#}

{#-
    Strategy `new_activities`: what became known as it was first committed never changes, so what the model has not yet comes, and nothing
    goes. Rows of before that went or came late make the set anew, as they do everywhere (feeds.sql).
-#}
{% macro get_incremental_new_activities_sql(arg_dict) -%}
    {{ return(get_incremental_differences_sql(arg_dict)) }}
{%- endmacro %}

{% macro holds_activities(node) -%}
    {{ return(node.config.incremental_strategy == 'new_activities') }}
{%- endmacro %}

{#- Rows whose `key` is of no activity of this kind yet; all in a full build. -#}
{% macro not_held_yet(rows, key, activity, held_key='source_id') -%}
    select *
    from {{ rows }}
    {%- if is_incremental() %}
    where not exists (
        select 1 from {{ this }} as held
        where held.activity = '{{ activity }}' and held.{{ held_key }} = {{ rows }}.{{ key }}
    )
    {%- endif %}
{%- endmacro %}

{#- The same of clicks, for the table between: not a dependency, since it is what was held before. -#}
{% macro clicks_to_tell(clicks) -%}
    {%- if match_set_goes_on() -%}
    where not exists (
        select 1 from ({{ held_by('int_match_activities', {'event_id': 'text', 'activity': 'text'}, true) }}) as held
        where held.activity = 'click' and held.event_id = {{ clicks }}.event_id
    )
    {%- endif -%}
{%- endmacro %}
