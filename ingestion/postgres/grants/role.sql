-- The role that Flux replicates with: the right to replicate, and to read the tables of one schema. It owns nothing and
-- changes nothing. Run by an administrator, once for each schema with tables to replicate; again is harmless:
--
--     psql -v role=flux -v schema=public -v owner=app -f role.sql postgresql://admin@db.example.com/product
--
-- role: to be made for Flux. owner: the role that makes this schema's tables; what it makes later can be read, too.
-- Then set a password, which psql sends encrypted: \password flux
-- The publication comes next: publication_by_owner.sql or publication_by_membership.sql, not both.
\set ON_ERROR_STOP on

select format('create role %I', :'role') where not exists (select from pg_roles where rolname = :'role') \gexec
alter role :"role" with login;

-- A slot and a walsender. RDS and Aurora hand this right on by a role of theirs.
select case when exists (select from pg_roles where rolname = 'rds_replication')
    then format('grant rds_replication to %I', :'role')
    else format('alter role %I with replication', :'role') end \gexec

grant connect on database :"DBNAME" to :"role";

-- The first copy, copies made anew and 'flux verify' read tables. A table that this role may not read stays out.
grant usage on schema :"schema" to :"role";
grant select on all tables in schema :"schema" to :"role";
alter default privileges for role :"owner" in schema :"schema" grant select on tables to :"role";

-- Not needed to replicate. With it Flux names the transactions that making a slot waits for, and counts the walsenders
-- of others; it shows what other sessions run.
grant pg_read_all_stats to :"role";
