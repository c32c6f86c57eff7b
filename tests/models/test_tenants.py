"""On Postgres a reader of one client sees this client's rows and nothing of another's, whatever he asks.

Relations come from the catalog: a new model is in every test without being named here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.walk import client_copy
from tests.models.dbt_runs import DbtOn
from tests.models.tenants import CLIENTS, Tenants, counted, tenants

pytestmark = pytest.mark.slow

SCHEMAS = "('marts', 'reporting', 'ml', 'serving')"
# Models without client_id: those that are the same for all clients, and those over all clients, which are closed.
SAME_FOR_ALL = {name.rpartition(".")[2] for name in client_copy.SAME_FOR_ALL}
CLOSED = {
    *("fct_freshness", "fct_pipeline_runs", "rpt_data_freshness", "rpt_event_ledger", "rpt_freshness_budget_daily"),
    *("rpt_dashboard_costs", "rpt_disk_forecast", "rpt_model_costs", "rpt_relation_usage", "rpt_table_growth_daily"),
}
TABLES = f"""
select format('%I.%I', n.nspname, c.relname), c.relname::text,
    exists (select from pg_attribute where attrelid = c.oid and attname = 'client_id' and not attisdropped)
from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace
where n.nspname in {SCHEMAS} and c.relkind in ('r', 'p', 'v', 'm') order by 1
"""


@pytest.fixture(scope="module")
def warehouse(built_on_postgres: str) -> Iterator[Tenants]:
    with tenants(built_on_postgres) as made:
        yield made


def keyed(warehouse: Tenants) -> list[str]:
    return [str(relation) for relation, _, has_client in warehouse.ask_owner(TABLES) if has_client]


def test_a_reader_of_a_client_gets_its_rows_and_no_others_of_every_relation(warehouse: Tenants) -> None:
    wrong: list[tuple[str, int | str]] = []
    empty: list[str] = []
    for relation in keyed(warehouse):
        whole = warehouse.ask_owner(f"select client_id, t::text from {relation} as t")
        over_all = sum(client is None for client, _ in whole)
        read = 0
        for client in CLIENTS:
            rows = warehouse.ask(f"client_{client}", f"select client_id, t::text from {relation} as t")
            read += len(rows)
            if counted(rows) != counted([row for row in whole if row[0] == client]):
                wrong.append((relation, client))
            if not rows:
                empty.append(relation)
        if read + over_all != len(whole):
            wrong.append((relation, "sum"))
    assert not wrong
    assert not empty
    assert len(keyed(warehouse)) > 40


def test_models_without_a_client_are_the_same_for_all_or_closed_as_listed(warehouse: Tenants) -> None:
    rest = {str(relation): str(name) for relation, name, has_client in warehouse.ask_owner(TABLES) if not has_client}
    assert set(rest.values()) == SAME_FOR_ALL | CLOSED
    for relation, name in rest.items():
        if name in CLOSED:
            assert warehouse.refuses("client_1", f"select from {relation}"), relation
        else:
            count = f"select count(*) from {relation}"
            assert warehouse.ask("client_1", count) == warehouse.ask_owner(count), relation


def test_analysts_read_the_rows_of_all_clients(warehouse: Tenants) -> None:
    for relation, _, _ in warehouse.ask_owner(TABLES):
        count = f"select count(*) from {relation}"
        assert warehouse.ask("analyst", count) == warehouse.ask_owner(count), relation


def test_dashboards_read_what_is_served_of_all_clients_and_nothing_else(warehouse: Tenants) -> None:
    served = [str(relation) for relation, _, _ in warehouse.ask_owner(TABLES) if str(relation).startswith("serving.")]
    assert len(served) > 40
    for relation in served:
        count = f"select count(*) from {relation}"
        assert warehouse.ask("metabase", count) == warehouse.ask_owner(count), relation
    for relation in ("marts.fct_applications", "raw_app.applications", "staging.stg_app__applications"):
        assert warehouse.refuses("metabase", f"select from {relation} limit 1"), relation
    warehouse.publish()
    assert not warehouse.refuses("metabase", "select from serving.fct_applications limit 1")


def test_analysts_read_the_views_below_the_models_but_the_quarantine(warehouse: Tenants) -> None:
    views = warehouse.ask_owner(
        "select schemaname || '.' || viewname from pg_views where schemaname in ('staging', 'intermediate')"
    )
    assert len(views) > 80
    refused = {view for (view,) in views if warehouse.refuses("analyst", f"select from {view} limit 1")}
    costs = ("run_costs", "relation_reads", "relation_sizes", "disk_sizes", "dependents")
    assert refused == {
        *("staging.stg_flux__quarantine", "intermediate.int_disk_fits"),
        *(f"staging.stg_flux__{name}" for name in costs),
    }


def test_nothing_else_of_the_warehouse_is_open_to_a_reader_of_a_client(warehouse: Tenants) -> None:
    relations = warehouse.ask_owner(
        "select format('%I.%I', n.nspname, c.relname) from pg_class as c"
        " inner join pg_namespace as n on n.oid = c.relnamespace where c.relkind in ('r', 'p', 'v', 'm')"
        f" and n.nspname not in {SCHEMAS} and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'"
        " and format('%I.%I', n.nspname, c.relname) <> '_flux.client_readers'"
    )
    assert len(relations) > 100
    assert not [relation for (relation,) in relations if not warehouse.refuses("client_1", f"select from {relation}")]


def test_every_table_of_the_models_has_its_policies_and_every_view_asks_as_its_reader(warehouse: Tenants) -> None:
    models = "('staging', 'intermediate', 'marts', 'reporting', 'ml', 'serving')"
    assert not warehouse.ask_owner(
        "select c.oid::regclass from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace"
        f" where n.nspname in {models} and c.relkind in ('r', 'p') and not (c.relrowsecurity"
        " and exists (select from pg_policy where polrelid = c.oid and polname = 'all_clients'))"
    )
    assert not warehouse.ask_owner(
        "select c.oid::regclass from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace"
        f" where n.nspname in {models} and c.relkind = 'v'"
        " and coalesce(c.reloptions::text, '') !~ 'security_invoker=true'"
    )
    assert not warehouse.ask_owner(
        "select oid::regprocedure from pg_proc where prosecdef and pronamespace::regnamespace::text !~ '^pg_'"
    )


def test_a_role_that_was_granted_models_and_no_client_is_refused(warehouse: Tenants) -> None:
    stranger = warehouse.role("stranger")
    warehouse.administer(f"grant usage on schema serving to {stranger}")
    warehouse.administer(f"grant select on serving.fct_applications to {stranger}")
    assert warehouse.refuses("stranger", "select from serving.fct_applications")
    warehouse.administer(
        f"grant usage on schema _flux to {stranger}; grant select on _flux.client_readers to {stranger}"
    )
    assert warehouse.ask("stranger", "select client_id from serving.fct_applications") == []


def test_a_role_of_two_clients_reads_both_and_one_whose_line_is_gone_reads_none(warehouse: Tenants) -> None:
    one, two = warehouse.role("client_1"), warehouse.group("client_2")
    clients = "select distinct client_id from serving.fct_applications order by 1"
    warehouse.administer(f"grant {two} to {one}")
    assert warehouse.ask("client_1", clients) == [(1,), (2,)]
    assert warehouse.ask("client_1", f"set role {two}", clients) == [(2,)]
    warehouse.administer(f"revoke {two} from {one}")
    assert warehouse.ask("client_1", clients) == [(1,)]
    lines = f"_flux.client_readers where role_name = '{two}'"
    warehouse.administer(f"delete from {lines}")
    assert warehouse.ask("client_2", clients) == []
    warehouse.administer(f"insert into _flux.client_readers (role_name, client_id) values ('{two}', 2)")
    assert warehouse.ask("client_2", clients) == [(2,)]


def test_the_role_of_a_line_may_be_gone(warehouse: Tenants) -> None:
    warehouse.administer(
        f"insert into _flux.client_readers (role_name, client_id) values ('gone_{warehouse.suffix}', 2)"
    )
    assert warehouse.ask("client_1", "select distinct client_id from serving.fct_applications") == [(1,)]


LEAKING = """
create function pg_temp.leak(client bigint) returns boolean language plpgsql cost 0.0000001 as
$$ begin if client <> 1 then raise exception 'saw client %', client; end if; return true; end $$
"""
CLIENT_OF_ALL = "select distinct client_id from serving.fct_applications"


@pytest.mark.parametrize(
    "statements",
    [
        ("set flux.client_id = '2'", CLIENT_OF_ALL),
        ("set search_path = pg_temp", "create temp table client_readers as select 2 as client_id", CLIENT_OF_ALL),
        (LEAKING, "select distinct client_id from serving.fct_applications where pg_temp.leak(client_id)"),
        ("create temp view mine as " + CLIENT_OF_ALL, "select * from mine"),
        ("select distinct client_id from serving.fct_applications tablesample system (100)",),
        ("prepare mine as " + CLIENT_OF_ALL, "execute mine"),
        ("begin", "declare mine cursor for " + CLIENT_OF_ALL, "fetch all from mine"),
        ("select distinct client_id from serving.dim_client full join serving.fct_moves using (client_id)",),
        ("select client_id from _flux.client_readers",),
    ],
)  # fmt: skip
def test_no_detour_leads_to_another_clients_rows(warehouse: Tenants, statements: tuple[str, ...]) -> None:
    assert warehouse.ask("client_1", *statements) == [(1,)]


@pytest.mark.parametrize(
    "statements",
    [
        ("set row_security = off", CLIENT_OF_ALL),
        ("set session authorization postgres", CLIENT_OF_ALL),
        ("insert into _flux.client_readers (role_name, client_id) values (current_user, 2)", CLIENT_OF_ALL),
        ("update _flux.client_readers set client_id = 2", CLIENT_OF_ALL),
        ("alter table serving.fct_applications disable row level security", CLIENT_OF_ALL),
        ("create policy mine on serving.fct_applications using (true)", CLIENT_OF_ALL),
        ("create view serving.mine as select 1", CLIENT_OF_ALL),
        ("select stavalues1 from pg_statistic",),
    ],
)
def test_what_would_lift_the_policies_is_refused(warehouse: Tenants, statements: tuple[str, ...]) -> None:
    assert warehouse.refuses("client_1", *statements)


def test_a_reader_cannot_take_the_role_of_another_client(warehouse: Tenants) -> None:
    assert warehouse.refuses("client_1", f"set role {warehouse.group('client_2')}", CLIENT_OF_ALL)


def test_a_copy_out_has_the_readers_rows_alone(warehouse: Tenants) -> None:
    with warehouse.connect("client_1").cursor() as cursor:
        with cursor.copy("copy serving.fct_applications (client_id) to stdout") as copy:
            assert {bytes(row) for row in copy} == {b"1\n"}
        cursor.connection.close()


def test_a_view_of_an_analyst_shows_each_reader_his_own_rows(warehouse: Tenants) -> None:
    analyst, name = warehouse.role("analyst"), f"own_{warehouse.suffix}"
    warehouse.administer(f"create schema {name} authorization {analyst}")
    try:
        for statement in (
            f"create view {name}.v as {CLIENT_OF_ALL.replace('serving', 'marts')}",
            f"grant usage on schema {name} to {warehouse.role('client_1')}",
            f"grant select on {name}.v to {warehouse.role('client_1')}",
        ):
            warehouse.ask("analyst", statement, "select 1")
        assert warehouse.ask("client_1", f"select * from {name}.v") == [(1,)]
    finally:
        warehouse.administer(f"drop schema {name} cascade")


NOTING = """
create schema noted;
create table noted.commands (xid xid8, tag text, what text);
create function noted.note() returns event_trigger language plpgsql as $$
begin
    insert into noted.commands
    select pg_current_xact_id(), command_tag, object_identity from pg_event_trigger_ddl_commands();
end $$;
create event trigger noted on ddl_command_end execute function noted.note()
"""
UNPROTECTED = """
select what from noted.commands as made
where tag in ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO') and what ~ '^(marts|_serving_next)[.]' and not exists (
    select from noted.commands as policy
    where policy.xid = made.xid and policy.tag = 'CREATE POLICY'
        and policy.what = 'rows_per_client on ' || replace(made.what, '__dbt_tmp', '')
)
"""


def test_tables_come_with_their_policies_in_one_transaction_from_builds_and_publications(
    warehouse: Tenants, postgres_home: Path, dbt_on: DbtOn
) -> None:
    models = ("dim_client", "fct_applications")
    warehouse.administer(NOTING)
    try:
        skipped = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
        dbt_on(warehouse.owner, postgres_home).build("--select", *models, *skipped)
        warehouse.publish()
    finally:
        warehouse.administer("drop event trigger noted")
    made = warehouse.ask_owner("select count(*) from noted.commands where tag ~ '^(CREATE TABLE|SELECT INTO)'")
    unprotected = {str(what).rpartition(".")[2] for (what,) in warehouse.ask_owner(UNPROTECTED)}
    warehouse.administer("drop schema noted cascade")
    assert int(str(made[0][0])) > len(models)
    assert unprotected == CLOSED
    for relation in (f"{schema}.{model}" for schema in ("marts", "serving") for model in models):
        assert warehouse.ask("client_2", f"select distinct client_id from {relation}") == [(2,)], relation


def test_statistics_of_values_are_hidden_and_counts_of_rows_are_not(warehouse: Tenants) -> None:
    assert warehouse.ask("client_1", "select tablename from pg_stats where schemaname = 'serving'") == []
    # Known and documented: Postgres shows how large a table is, to everyone.
    size = "select reltuples from pg_class where oid = 'serving.fct_applications'::regclass"
    assert warehouse.ask("client_1", size) == warehouse.ask_owner("select count(*) from serving.fct_applications")
    plan = warehouse.ask("client_1", "explain (analyze, costs off, timing off) select * from serving.fct_applications")
    assert any("Rows Removed by Filter" in str(line) for (line,) in plan)
