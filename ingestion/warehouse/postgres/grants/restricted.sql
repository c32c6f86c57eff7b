-- Who may read the restricted schemas of a warehouse on Postgres, beside whatever analysts.sql opens. Run as that one is,
-- once a table landed there:
--
--     psql -v loader=flux_load -v readers=fairness -f restricted.sql postgresql://admin@db.example.com/warehouse
\set ON_ERROR_STOP on

grant connect on database :"DBNAME" to :"readers";
grant usage on schema restricted, restricted_history to :"readers";
grant select on all tables in schema restricted, restricted_history to :"readers";
alter default privileges for role :"loader" in schema restricted, restricted_history
    grant select on tables to :"readers";
