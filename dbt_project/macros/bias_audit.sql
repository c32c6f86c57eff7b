{#-
    Arithmetic of the bias audit: 6 RCNY 5-301 (New York City) and 29 CFR 1607.4(D). `selected` of `n` were chosen in a category,
    `best_selected` of `best_n` in the one with the highest rate. All four are integers. Exact on every warehouse. Rates and
    the ratio itself are metrics: selection_rate, impact_ratio.
-#}

{#- Whether the ratio is below four fifths; in integers, since 0.8 is no double. -#}
{% macro is_below_four_fifths(selected, n, best_selected, best_n) -%}
    5 * {{ selected }} * {{ best_n }} < 4 * {{ best_selected }} * {{ n }}
{%- endmacro %}

{#- How many more would have to be selected for four fifths: the ceiling of 4/5 of the highest rate, in integers. -#}
{% macro selections_short(selected, n, best_selected, best_n) -%}
    {%- set wanted = '(4 * ' ~ best_selected ~ ' * ' ~ n ~ ' + 5 * ' ~ best_n ~ ' - 1)' -%}
    {%- set part = '(5 * ' ~ best_n ~ ')' -%}
    cast({{ greatest_known(
        '0', '(' ~ wanted ~ ' - mod(' ~ wanted ~ ', ' ~ part ~ ')) / ' ~ part ~ ' - ' ~ selected
    ) }} as bigint)
{%- endmacro %}

{#-
    Variance of the logarithm of selected / n, a ratio of two sums over members whose decisions are not independent (linearised). With
    one decision for each it is 1 / selected - 1 / n. NULL where nobody was selected.
-#}
{% macro log_rate_variance(relation) -%}
    case
        when {{ relation }}.selected > 0
            then {{ greatest_known('0', product_over('selected_squares', 'selected', 'selected', relation)
                ~ ' - 2 * ' ~ product_over('n_selected_products', 'n', 'selected', relation)
                ~ ' + ' ~ product_over('n_squares', 'n', 'n', relation)) }}
    end
{%- endmacro %}

{% macro product_over(products, one, two, of) -%}
    cast({{ of }}.{{ products }} as {{ type_name('double precision') }}) / {{ of }}.{{ one }} / {{ of }}.{{ two }}
{%- endmacro %}

{#- Difference of two rates in standard errors, pooled, without continuity correction; NULL where all or none were selected. -#}
{% macro two_proportion_z(selected, n, best_selected, best_n) -%}
    (
        cast({{ selected }} as {{ type_name('double precision') }}) / {{ n }}
        - cast({{ best_selected }} as {{ type_name('double precision') }}) / {{ best_n }}
    )
    / nullif(sqrt(
        cast({{ selected }} + {{ best_selected }} as {{ type_name('double precision') }}) / ({{ n }} + {{ best_n }})
        * ({{ n }} + {{ best_n }} - {{ selected }} - {{ best_selected }}) / ({{ n }} + {{ best_n }})
        * (cast(1 as {{ type_name('double precision') }}) / {{ n }} + cast(1 as {{ type_name('double precision') }}) / {{ best_n }})
    ), 0)
{%- endmacro %}

{#-
    Probability that a standard normal variable is at least as far from 0 as z. Hart's rational approximation as given by West
    (Better approximations to cumulative normal functions, 2005): 15 digits. Neither engine need have erfc.
-#}
{% macro normal_two_sided(z) -%}
    {%- set x = 'abs(' ~ z ~ ')' -%}
    {%- set above = [0.0352624965998911, 0.700383064443688, 6.37396220353165, 33.912866078383, 112.079291497871,
        221.213596169931, 220.206867912376] -%}
    {%- set below = [0.0883883476483184, 1.75566716318264, 16.064177579207, 86.7807322029461, 296.564248779674,
        637.333633378831, 793.826512519948, 440.413735824752] -%}
    case
        when {{ x }} > 37 then cast(0 as {{ type_name('double precision') }})
        when {{ x }} < 7.07106781186547
            then 2 * exp(-{{ x }} * {{ x }} / 2) * {{ horner(above, x) }} / {{ horner(below, x) }}
        else
            2 * exp(-{{ x }} * {{ x }} / 2) / 2.506628274631
            / ({{ x }} + 1 / ({{ x }} + 2 / ({{ x }} + 3 / ({{ x }} + 4 / ({{ x }} + 0.65)))))
    end
{%- endmacro %}

{#- A polynomial, highest power first. -#}
{% macro horner(coefficients, x) -%}
    {%- set so_far = namespace(sql='cast(' ~ coefficients[0] ~ ' as ' ~ type_name('double precision') ~ ')') -%}
    {%- for coefficient in coefficients[1:] -%}
        {%- set so_far.sql = '(' ~ so_far.sql ~ ' * ' ~ x ~ ' + ' ~ coefficient ~ ')' -%}
    {%- endfor -%}
    {{ so_far.sql }}
{%- endmacro %}
