{#-
    Strategy `changed_keys` of incremental models: the rows of all keys of the list of changed keys go, those that the model has for them now
    come. The list is the one model with `meta.feeds` that the model reads; it has a column named as the model's unique_key.
-#}
{% macro get_incremental_changed_keys_sql(arg_dict) -%}
    {%- set columns = get_quoted_csv(arg_dict.dest_columns | map(attribute='name')) -%}
    {%- set key = arg_dict.unique_key -%}
    {%- set list = ref(list_of(model).name) -%}
    delete from {{ arg_dict.target_relation }}
    where {{ key }} in (select changed.{{ key }} from {{ list }} as changed);
    insert into {{ arg_dict.target_relation }} ({{ columns }})
    select {{ columns }} from {{ arg_dict.temp_relation }}
{%- endmacro %}

{#-
    The rows that a kept model has to tell again: those of a CTE whose keys are in the list, which the model imports as `changed`; all in a
    full build.
-#}
{% macro to_be_told(rows, key) -%}
    select *
    from {{ rows }}
    {%- if is_incremental() %}
    where {{ key }} in (select changed.{{ key }} from changed)
    {%- endif %}
{%- endmacro %}

{#- In the place of dbt's own: a kept model is made anew also when it cannot go on from what it holds. -#}
{% macro should_full_refresh() -%}
    {%- set wanted = config.get('full_refresh') -%}
    {%- if wanted is none -%}
        {%- set wanted = flags.FULL_REFRESH -%}
    {%- endif -%}
    {{ return(wanted or (execute and is_kept(model) and not goes_on(graph.nodes[model.unique_id]))) }}
{%- endmacro %}

{#-
    Whether a kept model can be brought up to date: its code is what made it, the list of changed keys reaches back to what it has read (or it
    has read all of it already), and no kept model that it is made of was made anew. Decided once for each run: hooks and the model's own
    SQL ask again.
-#}
{% macro goes_on(node) -%}
    {%- if node.config.incremental_strategy == 'changed_examples' -%}
    {{ return(match_set_goes_on()) }}
    {%- endif -%}
    {%- set decided = node.get('flux_goes_on') -%}
    {%- if not decided or decided[0] != invocation_id -%}
        {%- set decided = [invocation_id, can_go_on(node)] -%}
        {%- do node.update({'flux_goes_on': decided}) -%}
    {%- endif -%}
    {{ return(decided[1]) }}
{%- endmacro %}

{% macro can_go_on(node) -%}
    {%- set note, changes = read_note(node), read_note(list_of(node)) -%}
    {%- if note is none or changes is none or note.code != code_of(node) -%}
    {{ return(false) }}
    {%- endif -%}
    {%- if note.read != changes.readers.get(node.name) and note.read != changes.read -%}
    {{ return(false) }}
    {%- endif -%}
    {%- set parents = {} -%}
    {%- for parent in kept_ancestors(node) -%}
        {%- do parents.update({parent.name: (read_note(parent) or {}).get('made')}) -%}
    {%- endfor -%}
    {{ return(note.parents == parents) }}
{%- endmacro %}

{#-
    A column that moves with the cut alone, set on all rows that it moves on; for a pre-hook, so before the rows of changed keys. `told`
    is the model's relation; `joined` names a model that the value needs, `on` how.
-#}
{% macro moves(column, value, among='true', joined=none, on='true') -%}
    {%- set other = ref(joined) if joined else none -%}
    {%- if is_incremental() -%}
    update {{ this }} as told
    set {{ column }} = {{ value }}
    {%- if other %}
    from {{ other }} as {{ joined }}
    {%- endif %}
    where {{ on }} and {{ among }} and told.{{ column }} is distinct from {{ value }}
    {%- endif -%}
{%- endmacro %}

{% macro list_of(node) -%}
    {%- set found = [] -%}
    {%- for id in node.depends_on.nodes if graph.nodes[id].config.meta.feeds -%}
        {%- do found.append(graph.nodes[id]) -%}
    {%- endfor -%}
    {%- if found | length != 1 -%}
    {{ exceptions.raise_compiler_error(node.name ~ ' reads ' ~ found | length ~ ' lists of changed keys; strategy changed_keys needs one') }}
    {%- endif -%}
    {{ return(found[0]) }}
{%- endmacro %}

{#-
    A hash of all code that makes a model: its SQL and contract, the SQL of what it is made of, the macros that these call, and the
    values of all variables that are named there. What changed of it makes the model anew. It is reckoned once in a run.
-#}
{% macro code_of(node) -%}
    {%- if 'flux_code' in node -%}
    {{ return(node.flux_code) }}
    {%- endif -%}
    {%- set texts, macros = [node.contract.checksum or ''], [] -%}
    {%- for id in [node.unique_id] + ancestors(node.unique_id) -%}
        {%- do texts.append(graph.nodes[id].raw_code or '') -%}
        {%- do called(graph.nodes[id].depends_on.macros, macros) -%}
    {%- endfor -%}
    {%- for name in macros | sort -%}
        {%- do texts.append(context[project_name][name].macro.macro_sql) -%}
    {%- endfor -%}
    {%- set variables = modules.re.findall("\\bvar\\(['\"](\\w+)['\"]", texts | join('\n')) -%}
    {%- for name in variables | unique | sort -%}
        {%- do texts.append(name ~ tojson(var(name))) -%}
    {%- endfor -%}
    {%- do graph.nodes[node.unique_id].update({'flux_code': local_md5(texts | join('\n'))}) -%}
    {{ return(graph.nodes[node.unique_id].flux_code) }}
{%- endmacro %}

{#- Add to `found` the project's macros among these ids, and all that those call; of a dispatched one every warehouse's form. -#}
{% macro called(ids, found) -%}
    {%- for id in ids if id.startswith('macro.' ~ project_name ~ '.') -%}
        {%- set wanted = id.split('.')[2] -%}
        {%- for name in context[project_name] if name == wanted or name.endswith('__' ~ wanted) -%}
            {%- if name not in found -%}
                {%- do found.append(name) -%}
                {%- do called(context[project_name][name].macro.depends_on.macros, found) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
{%- endmacro %}
