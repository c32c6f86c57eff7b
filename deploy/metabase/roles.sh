#!/bin/sh
# Run once by the Postgres image, when its volume is empty: databases and roles. The reader's sessions are read-only.
#
#     metabase_app    owns database metabase_app: what Metabase notes for itself
#     flux_publish    owns database flux: 'flux publish' makes the schema serving there
#     metabase        reads what 'flux publish --reader metabase' gives it
set -eu
secret() { cat "/run/secrets/$1"; }

psql --set ON_ERROR_STOP=1 --username postgres --dbname postgres \
    --set app="$(secret metabase_app)" --set publish="$(secret flux_publish)" --set reader="$(secret metabase_reader)" <<'SQL'
create role metabase_app login password :'app';
create role flux_publish login password :'publish';
create role metabase login password :'reader';
alter role metabase set default_transaction_read_only = on;
alter role metabase set statement_timeout = '60s';
create database metabase_app owner metabase_app;
create database flux owner flux_publish;
revoke connect, temporary on database metabase_app, flux from public;
grant connect on database flux to metabase;
SQL
