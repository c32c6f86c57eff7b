{#-
    A metric of metrics.yml as an expression over columns of one row, or over a group for a percentile; `of` names the
    relation that holds the columns. The formula stands in `vars.metrics` and nowhere else: reports and cards say its name.
-#}
{% macro metric(name, of='') -%}
    {%- set it = metric_formula(name) -%}
    {%- if 'percentile' in it -%}
    {{ percentile(metric_columns(it.column, of), it.percentile) }}
    {%- elif 'denominator' in it -%}
    {{ safe_divide(metric_columns(it.numerator, of), metric_columns(it.denominator, of)) }}
    {%- else -%}
    {{ metric_columns(it.mean or it.formula, of) }}
    {%- endif -%}
{%- endmacro %}

{#-
    The same over a group of rows, as a ratio of sums, or a weighted mean of an index: what periods and totals need. A percentile has
    no such form.
-#}
{% macro metric_of_sums(name, of='') -%}
    {%- set it = metric_formula(name) -%}
    {%- if 'percentile' in it -%}
    {{ exceptions.raise_compiler_error("metric '" ~ name ~ "' is a percentile: it cannot be made of sums") }}
    {%- elif 'denominator' in it -%}
    {{ safe_divide(metric_columns(it.numerator, of, 'sum'), metric_columns(it.denominator, of, 'sum')) }}
    {%- elif 'mean' in it -%}
    {%- set weight = metric_columns(it.weight, of) -%}
    {{ safe_divide('sum(' ~ metric_columns(it.mean, of) ~ ' * ' ~ weight ~ ')', 'sum(' ~ weight ~ ')') }}
    {%- else -%}
    {{ metric_columns(it.formula, of, 'sum') }}
    {%- endif -%}
{%- endmacro %}

{% macro metric_formula(name) -%}
    {%- if name not in var('metrics') -%}
    {{ exceptions.raise_compiler_error("metric '" ~ name ~ "' has no formula in dbt_project.yml (vars.metrics)") }}
    {%- endif -%}
    {{ return(var('metrics')[name]) }}
{%- endmacro %}

{% macro metric_columns(formula, of='', aggregate='') -%}
    {%- set column = (of ~ '.' if of else '') ~ '\\g<0>' -%}
    {{ return(modules.re.sub('[a-z_][a-z0-9_]*', aggregate ~ '(' ~ column ~ ')' if aggregate else column, formula)) }}
{%- endmacro %}
