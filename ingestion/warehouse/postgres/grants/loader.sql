-- The role that loads into a warehouse on Postgres (FLUX_WAREHOUSE_URL). It makes its schemas and owns what is in them;
-- it reads and changes nothing else of the database. Run by an administrator in the warehouse's database; again is
-- harmless:
--
--     createdb --encoding=UTF8 --template=template0 warehouse
--     psql -v loader=flux_load -f loader.sql postgresql://admin@db.example.com/warehouse
--
-- Then set a password, which psql sends encrypted: \password flux_load
\set ON_ERROR_STOP on

select format('create role %I', :'loader') where not exists (select from pg_roles where rolname = :'loader') \gexec
alter role :"loader" with login;

-- CREATE: schemas raw_app, raw_app_history, raw_segment, restricted, _flux, ... TEMPORARY: where a batch is staged.
grant connect, create, temporary on database :"DBNAME" to :"loader";
