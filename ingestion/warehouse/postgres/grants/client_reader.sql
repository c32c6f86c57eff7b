-- Readers of one client's rows in a warehouse on Postgres: the models of marts, reporting and ml, and their published
-- copies in serving, each through row-level security (docs/tenants.md). Nothing raw, nothing restricted, no rows over all
-- clients. Run by the loader's role, or by an administrator, after the first build and publication; again is harmless:
--
--     psql -v loader=flux_load -v reader=acme_readers -v client=17 \
--         -f client_reader.sql postgresql://admin@db.example.com/warehouse
--
-- reader: a role that stands for all readers of the client (made here, without login); then for each person or program:
-- grant acme_readers to bob. A role that is granted two clients' roles reads both. Whose rows a role reads stands in
-- _flux.client_readers and takes effect with the next statement; to close it:
-- delete from _flux.client_readers where role_name = 'acme_readers'.
-- Builds and publications give new models their policy and this role its grant. Let nobody but them make tables in these schemas.
\set ON_ERROR_STOP on

select format('create role %I', :'reader') where not exists (select from pg_roles where rolname = :'reader') \gexec

begin;
insert into _flux.client_readers (role_name, client_id) values (:'reader', :client) on conflict do nothing;

grant connect on database :"DBNAME" to :"reader";
grant usage on schema _flux to :"reader";
grant select on _flux.client_readers to :"reader";
select format('grant usage on schema %I to %I', nspname, :'reader')
from pg_namespace
where nspowner = :'loader'::regrole and nspname in ('marts', 'reporting', 'ml', 'serving') \gexec

-- Models without rows of this client, such as those about the machinery, have another policy and stay closed.
select format('grant select on %I.%I to %I', schemaname, tablename, :'reader')
from pg_policies where policyname = 'rows_per_client' \gexec
commit;
