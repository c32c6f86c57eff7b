{#-
    A commit's place in the order of all commits, as one number: epochs first, log positions within. Changes of one transaction
    share it, so `earlier._position < later._position` is strict about transactions. An epoch is a Unix time in
    milliseconds (13 digits until the year 2286), so the product has 32 digits at most; a decimal holds 38, BigQuery's BIGNUMERIC too.
-#}
{% macro commit_position(epoch='_epoch', lsn='_lsn') -%}
    {{ return(adapter.dispatch('commit_position', 'flux')(epoch, lsn)) }}
{%- endmacro %}

{% macro default__commit_position(epoch, lsn) -%}
    cast({{ epoch }} as decimal(13, 0)) * cast(9223372036854775808 as decimal(19, 0)) + {{ lsn }}
{%- endmacro %}

{#- NUMERIC has 29 digits before the point, and a literal of so many digits is no INT64. -#}
{% macro bigquery__commit_position(epoch, lsn) -%}
    cast({{ epoch }} as bignumeric) * cast('9223372036854775808' as bignumeric) + cast({{ lsn }} as bignumeric)
{%- endmacro %}
