{#-
    Row security per client, on Postgres: a post-hook, since a build makes its relations anew, without policies and grants. It runs in
    the transaction that gives the relation its name, so nobody sees it open. A reader gets the rows of the clients that
    _flux.client_readers gives his role, of a model without client_id those that are the same for all clients (list below), else none.
    A view asks as who reads it. The owner is not restricted. `restricted` belongs to an audience of all clients: see docs/tenants.md.
-#}
{% macro rows_per_client() -%}
    {%- if execute and target.type == 'postgres' and model.schema != 'restricted' -%}
        {%- if model.config.materialized == 'view' -%}
            do $view$
            begin
                if current_setting('server_version_num')::integer >= 150000 then  -- older ones have no such views
                    alter view {{ this }} set (security_invoker = true);
                end if;
            end
            $view$
        {%- else -%}
            {%- set columns = adapter.get_columns_in_relation(this) | map(attribute='name') | list -%}
            {%- set same_for_all = model.name in same_for_all_clients() -%}
            alter table {{ this }} enable row level security;
            drop policy if exists all_clients on {{ this }};
            drop policy if exists rows_per_client on {{ this }};
            create policy all_clients on {{ this }} for select
                using (exists (select from _flux.client_readers where all_clients));
            {%- if 'client_id' in columns or same_for_all %}
            create policy rows_per_client on {{ this }} for select using (
                {%- if same_for_all %}
                exists (select from _flux.client_readers)
                {%- else %}
                client_id = any (array(select readers.client_id from _flux.client_readers as readers))
                {%- endif %}
            );
            do $grants$
            declare reader text;
            begin
                for reader in
                    select distinct rolname from _flux.client_readers inner join pg_roles on rolname = role_name
                    where not all_clients
                loop
                    execute format('grant select on {{ this }} to %I', reader);
                end loop;
            end
            $grants$
            {%- endif -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{#- Models without client_id that readers of one client may read; the others without it are closed to them. -#}
{% macro same_for_all_clients() -%}
    {{ return({
        'dim_date': 'the calendar',
        'rpt_closed_weeks': 'the calendar',
        'dim_skill': 'the public taxonomy of skills',
        'dim_model_version': 'which version of the matching engine served when; no figure of any client',
        'int_current_cut': 'the time of the data, which every reader should see',
    }) }}
{%- endmacro %}
