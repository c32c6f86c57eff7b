"""The shipped grants of a warehouse on Postgres: the loader needs no more, analysts read what is theirs and no more."""

import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from ingestion.load.service import Loader
from ingestion.log.directory import want
from ingestion.proof import prove
from tests.events.calls import track, write
from tests.ingestion.pipeline import Pipeline, pipeline
from tests.ingestion.roles import PASSWORD, with_user
from tests.ingestion.sql_files import WAREHOUSE_GRANTS, run_file
from tests.ingestion.warehouses import PostgresWarehouse


@dataclass
class Roles:
    """A warehouse's database that nobody may enter who was not let in, and its roles."""

    admin: str
    loader: str
    analysts: str
    readers: str

    def administer(self, statements: str) -> None:
        with psycopg.connect(self.admin, autocommit=True) as connection:
            connection.execute(statements.encode())

    def grant(self, file: str) -> None:
        variables = {"loader": self.loader, "analysts": self.analysts, "readers": self.readers}
        run_file(WAREHOUSE_GRANTS / file, self.admin, **variables)

    def ask(self, role: str, statement: str) -> list[tuple[object, ...]]:
        with psycopg.connect(with_user(self.admin, f"{role}:{PASSWORD}"), autocommit=True) as connection:
            return connection.execute(statement.encode()).fetchall()

    def refuses(self, role: str, statement: str) -> bool:
        try:
            self.ask(role, statement)
        except psycopg.errors.InsufficientPrivilege:
            return True
        return False


@pytest.fixture
def roles(postgres_warehouse: PostgresWarehouse) -> Iterator[Roles]:
    suffix, name = uuid.uuid4().hex[:8], postgres_warehouse.url.rpartition("/")[2]
    roles = Roles(postgres_warehouse.url, f"load_{suffix}", f"analysts_{suffix}", f"readers_{suffix}")
    roles.administer(f"revoke all on database {name} from public; revoke all on schema public from public")
    roles.administer(f"create role {roles.analysts} login password '{PASSWORD}'")
    roles.administer(f"create role {roles.readers} login password '{PASSWORD}'")
    roles.grant("loader.sql")
    roles.administer(f"alter role {roles.loader} password '{PASSWORD}'")
    yield roles
    with closing(psycopg.connect(roles.admin, autocommit=True)) as connection:
        for role in (roles.analysts, roles.readers, roles.loader):
            connection.execute(f"drop owned by {role} cascade; drop role {role}".encode())


@pytest.fixture
def flux(database: str, tmp_path: Path, roles: Roles) -> Pipeline:
    """Loads as the role of `loader.sql` alone."""
    url = with_user(roles.admin, f"{roles.loader}:{PASSWORD}")
    flux = pipeline(database, tmp_path, warehouse=PostgresWarehouse(url))
    flux.execute(
        "create table t (id int primary key, n int)",
        "create schema restricted",
        "create table restricted.answers (id int primary key)",
        "insert into t values (1, 1); insert into restricted.answers values (1)",
    )
    flux.replicate()
    return flux


def test_the_loader_needs_no_more_than_its_grants(flux: Pipeline) -> None:
    flux.execute(
        "insert into t select i, i from generate_series(2, 1000) as i; delete from t where id = 5",
        "alter table t alter column n type text, add column at timestamptz default now()",
        "truncate restricted.answers",
        "create schema billing; create table billing.invoices (id int primary key)",
    )
    flux.replicate()
    write(flux.home / "log" / "events", [track(), "not a call"])
    loader = Loader(flux.home, flux.destination.url)
    (events,) = loader.drain().events

    assert prove(flux.source, loader).equal
    assert (events.loaded, events.quarantined) == (1, 1)


def test_analysts_read_all_but_what_is_restricted_and_change_nothing(flux: Pipeline, roles: Roles) -> None:
    analysts = roles.analysts
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        roles.ask(analysts, "select 1")
    roles.grant("analysts.sql")

    for relation in ("raw_app.t", "raw_app_history.t", "_flux.tables", "_flux.history_gaps"):
        assert roles.ask(analysts, f"select count(*) from {relation}") is not None
    for relation in ("restricted.answers", "restricted_history.answers", "_flux.quarantine"):
        assert roles.refuses(analysts, f"select from {relation}"), relation
    for statement in (
        "insert into raw_app.t values (9, 9)",
        "delete from raw_app.t",
        "create table raw_app.mine (id int)",
        "create schema mine",
        "update _flux.positions set lsn = 0",
    ):
        assert roles.refuses(analysts, statement), statement


def test_analysts_go_on_reading_a_mirror_that_is_made_anew_and_see_new_tables_of_its_schema(
    flux: Pipeline, roles: Roles
) -> None:
    roles.grant("analysts.sql")
    flux.execute(
        "drop table t; create table t (id text primary key, other int); insert into t values ('a', 1)",
        "create table later (id int primary key)",
        "create schema billing; create table billing.invoices (id int primary key)",
        "create table restricted.later (id int primary key)",
    )
    flux.replicate()

    assert roles.ask(roles.analysts, "select id, other from raw_app.t") == [("a", 1)]
    assert roles.ask(roles.analysts, "select count(*) from raw_app.later") == [(0,)]
    assert roles.refuses(roles.analysts, "select from restricted.later")
    assert roles.refuses(roles.analysts, "select from raw_app__billing.invoices")
    roles.grant("analysts.sql")
    assert roles.ask(roles.analysts, "select count(*) from raw_app__billing.invoices") == [(0,)]
    assert roles.refuses(roles.analysts, "select from restricted.later")


def test_readers_of_the_restricted_schemas_read_these_and_nothing_else(flux: Pipeline, roles: Roles) -> None:
    roles.grant("restricted.sql")
    flux.execute("create table restricted.later (id int primary key)")
    flux.replicate()

    for relation in ("restricted.answers", "restricted_history.answers", "restricted.later"):
        assert roles.ask(roles.readers, f"select count(*) from {relation}") is not None
    assert roles.refuses(roles.readers, "select from raw_app.t")
    assert roles.refuses(roles.readers, "delete from restricted.answers")


def test_a_view_of_another_role_that_is_in_the_way_is_named_with_the_sql_that_mends_it(
    flux: Pipeline, roles: Roles
) -> None:
    roles.grant("analysts.sql")
    roles.administer(f"create schema own authorization {roles.analysts}")
    with psycopg.connect(with_user(roles.admin, f"{roles.analysts}:{PASSWORD}"), autocommit=True) as connection:
        connection.execute("create view own.v as select n from raw_app.t")
    flux.execute("alter table t alter column n type text", "insert into t values (3, 'three')")
    flux.replicate()

    ((state,),) = flux.query("select state from _flux.tables where source = 'public.t'")
    reason = flux.query("select reason from _flux.quarantine where source = 'public.t' order by noticed_at")[-1][0]
    assert state == "inexact"
    assert "view own.v keeps raw_app.t from being changed" in reason
    assert "flux replicate --again" in reason
    roles.administer(reason.partition("run: ")[2].partition(";")[0])
    ((oid,),) = flux.at_source("select 't'::regclass::oid")
    want(flux.home / "log" / "copies", oid, "somebody asked for it")
    flux.replicate()
    assert prove(flux.source, Loader(flux.home, flux.destination.url)).equal
