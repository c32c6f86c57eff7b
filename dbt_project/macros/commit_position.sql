{#-
    A commit's place in the order of all commits, as one number: epochs first, log positions within. Changes of one transaction
    share it, so `earlier._position < later._position` is strict about transactions. Fits 38 digits on every warehouse.
-#}
{% macro commit_position(epoch='_epoch', lsn='_lsn') -%}
    cast({{ epoch }} as decimal(10, 0)) * cast(9223372036854775808 as decimal(19, 0)) + {{ lsn }}
{%- endmacro %}
