{#-
    The last columns of a history's staging model: validity, half-open and in the order of commits, and machinery. `key` names the
    columns of the table's key.
-#}
{% macro version_columns(key) -%}
    {%- set version_order = '(partition by ' ~ key ~ ' order by _epoch, _lsn, _seq)' -%}
    ---------- validity, half-open
        _op in ('delete', 'truncate') as is_deleted,
        _op = 'snapshot' as is_left_censored,
        _commit_at as valid_from,
        lead(_commit_at) over {{ version_order }} as valid_to,

        ---------- machinery
        _op,
        _epoch,
        _lsn,
        _seq,
        {{ commit_position() }} as _position,
        lead({{ commit_position() }}) over {{ version_order }} as _next_position
{%- endmacro %}
