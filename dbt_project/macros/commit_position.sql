{#-
    A commit's place in the order of all commits, as one number: epochs first, log positions within. Changes of one transaction
    share it, so `earlier._position < later._position` is strict about transactions. An epoch is a Unix time in
    milliseconds (13 digits until the year 2286), so the product has 32 digits at most; every warehouse holds 38.
-#}
{% macro commit_position(epoch='_epoch', lsn='_lsn') -%}
    cast({{ epoch }} as decimal(13, 0)) * cast(9223372036854775808 as decimal(19, 0)) + {{ lsn }}
{%- endmacro %}
