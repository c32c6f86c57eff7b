-- What dashboards read of a warehouse on Postgres: the models as they are published, in serving, of all clients. Nothing
-- raw, nothing restricted, no model while it is built. Run by the loader's role, or by an administrator, after the first
-- build and publication; again is harmless:
--
--     psql -v loader=flux_load -v reader=dashboards -f dashboards.sql postgresql://admin@db.example.com/warehouse
--
-- reader: a role that stands for all of them (made here, without login); then for a Metabase:
-- create role metabase login password '...' in role dashboards; alter role metabase set default_transaction_read_only = on.
-- Publications give new models their policy and this role its grant.
\set ON_ERROR_STOP on

select format('create role %I', :'reader') where not exists (select from pg_roles where rolname = :'reader') \gexec

begin;
insert into _flux.client_readers (role_name, all_clients)
select :'reader', true where not exists (select from _flux.client_readers where role_name = :'reader' and all_clients);

grant connect on database :"DBNAME" to :"reader";
grant usage on schema _flux to :"reader";
grant select on _flux.client_readers to :"reader";
select format('grant usage on schema serving to %1$I; grant select on all tables in schema serving to %1$I', :'reader')
from pg_namespace where nspowner = :'loader'::regrole and nspname = 'serving' \gexec
commit;
