-- What analysts read of a warehouse on Postgres: every schema that the loader made, but restricted and restricted_history,
-- and of _flux what tells how fresh and how exact the tables are. They change nothing. Run by the loader's role, or by
-- an administrator, after the first load, and again when a schema came (a source schema s lands in raw_app__s): until
-- then it is closed to them.
--
--     psql -v loader=flux_load -v analysts=analysts -f analysts.sql postgresql://admin@db.example.com/warehouse
--
-- analysts: a role that stands for all of them, made by an administrator (create role analysts); then for each person:
-- grant analysts to ann.
\set ON_ERROR_STOP on

grant connect on database :"DBNAME" to :"analysts";

-- With what the loader makes there later: a mirror that is copied anew may be another table.
select format(
    'grant usage on schema %1$I to %2$I; grant select on all tables in schema %1$I to %2$I; '
    'alter default privileges for role %3$I in schema %1$I grant select on tables to %2$I',
    nspname, :'analysts', :'loader')
from pg_namespace
where nspowner = :'loader'::regrole and nspname not in ('restricted', 'restricted_history', '_flux')
    and not starts_with(nspname, '_serving') \gexec

-- Not the quarantine, whose rows are what sources sent.
grant usage on schema _flux to :"analysts";
select format('grant select on _flux.%I to %I', tablename, :'analysts') from pg_tables
where schemaname = '_flux' and tablename in ('client_readers', 'clock', 'cuts', 'history_gaps', 'positions',
    'schema_changes', 'segments', 'slot_status', 'table_status', 'tables') \gexec

-- Of the models they read the rows of all clients (one client's readers: client_reader.sql).
insert into _flux.client_readers (role_name, all_clients)
select :'analysts', true where not exists (select from _flux.client_readers where role_name = :'analysts' and all_clients);
