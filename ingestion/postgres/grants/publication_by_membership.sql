-- The way without hands: Flux makes the publication, adds tables as they come, and takes out those that lost their key.
-- Postgres lets nobody but a table's owner publish it, so Flux' role becomes a member of the owner, and with that MAY
-- DO WHATEVER THE OWNER MAY, dropping tables included. Flux does not; whoever gets hold of its password can. Where that
-- is too much: publication_by_owner.sql. Run by an administrator, after role.sql, once for each role that owns tables:
--
--     psql -v role=flux -v owner=app -f publication_by_membership.sql postgresql://admin@db.example.com/product
\set ON_ERROR_STOP on

-- CREATE PUBLICATION asks for it.
grant create on database :"DBNAME" to :"role";
-- ALTER PUBLICATION ... ADD TABLE asks for ownership of the table, and the role must inherit it.
alter role :"role" with inherit;
grant :"owner" to :"role";
