{#-
    The indices among the metrics (metrics.yml) that are no ratio of columns. Each is computed once, by the model that the metric
    names.
-#}

{#-
    Gini coefficient of n values that sum to total: 0 even, 1 all on one. rank_weighted is the sum of rank * value, ranks rising with
    the values from 1. NULL when there is nothing.
-#}
{% macro gini(rank_weighted, total, n) -%}
    {{ safe_divide('2 * ' ~ rank_weighted, n ~ ' * ' ~ total) }} - {{ safe_divide(n ~ ' + 1', n) }}
{%- endmacro %}

{#-
    Shannon entropy of n values that sum to total, over its maximum ln(n): 1 even. surprise is the sum of
    value * (ln(total) - ln(value)) over the values above 0. NULL when there is nothing, or one value alone.
-#}
{% macro evenness(surprise, total, n) -%}
    {{ safe_divide(surprise, total) }} / nullif(ln(cast(nullif({{ n }}, 0) as {{ type_name('double precision') }})), 0)
{%- endmacro %}

{#- Jaccard index of two sets: members in common over members of either. -#}
{% macro jaccard(shared, one, other) -%}
    {{ safe_divide(shared, one ~ ' + ' ~ other ~ ' - ' ~ shared) }}
{%- endmacro %}
