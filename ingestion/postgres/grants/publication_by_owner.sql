-- The narrow way to a publication: the owner of the tables makes it, and Flux uses it as it is. Flux then needs no more
-- than role.sql grants. Run by the owner, who needs CREATE on the database:
--
--     psql -v publication=flux -v tables='public.orders, public.customers' -f publication_by_owner.sql \
--         postgresql://app@db.example.com/product
--
-- 'flux plan' prints which tables can be published without breaking the product's writes: no others belong here. A table
-- that is made later replicates once its owner ran, best in the migration that makes it:
--
--     alter publication flux add table public.invoices;
--
-- A table that loses its primary key must leave before its UPDATEs fail: alter publication flux drop table ...
\set ON_ERROR_STOP on

create publication :"publication" for table :tables with (publish_via_partition_root = true);
