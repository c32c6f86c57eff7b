{#-
    A hash of all code that makes a model: its SQL and contract, the SQL of what it is made of, the macros that these call, and the
    values of all variables that are named there. What changed of it makes the model anew. It is reckoned once in a run.
-#}
{% macro code_of(node) -%}
    {%- if 'flux_code' in node -%}
    {{ return(node.flux_code) }}
    {%- endif -%}
    {%- set texts, macros = [node.contract.checksum or ''], {} -%}
    {%- for id in [node.unique_id] + ancestors(node.unique_id) -%}
        {%- do texts.append(graph.nodes[id].raw_code or '') -%}
        {%- do called(graph.nodes[id].depends_on.macros, macros) -%}
    {%- endfor -%}
    {%- for name, text in macros | dictsort if text -%}
        {%- do texts.append(text) -%}
    {%- endfor -%}
    {%- set variables = modules.re.findall("\\bvar\\(['\"](\\w+)['\"]", texts | join('\n')) -%}
    {%- for name in variables | unique | sort -%}
        {%- do texts.append(name ~ tojson(var(name))) -%}
    {%- endfor -%}
    {%- do graph.nodes[node.unique_id].update({'flux_code': local_md5(texts | join('\n'))}) -%}
    {{ return(graph.nodes[node.unique_id].flux_code) }}
{%- endmacro %}

{#-
    Add to `found` the SQL of the project's macros among these ids, and of all that those call; of a dispatched one every warehouse's form. The
    ids themselves go in too, without text, so that none is followed twice.
-#}
{% macro called(ids, found) -%}
    {%- for id in ids if id not in found and id.startswith('macro.' ~ project_name ~ '.') -%}
        {%- do found.update({id: ''}) -%}
        {%- for name in forms_of(id.split('.')[2]) if name not in found -%}
            {%- set macro = context[project_name][name].macro -%}
            {%- do found.update({name: macro.macro_sql}) -%}
            {%- do called(macro.depends_on.macros, found) -%}
        {%- endfor -%}
    {%- endfor -%}
{%- endmacro %}

{#-
    Names of a macro's forms: its own and those of warehouses. Kept for the run: looking through all macros for each one that is called took
    a quarter of the time that dbt itself took for a build (a profile of 2026-11, 259 nodes).
-#}
{% macro forms_of(plain_name) -%}
    {%- if 'flux_forms' not in graph -%}
        {%- set forms = {} -%}
        {%- for name in context[project_name] -%}
            {%- do forms.setdefault(name.split('__', 1)[-1], []).append(name) -%}
        {%- endfor -%}
        {%- do graph.update({'flux_forms': forms}) -%}
    {%- endif -%}
    {{ return(graph.flux_forms.get(plain_name, [])) }}
{%- endmacro %}
