"""The shipped grants are enough to replicate with, and each of them is missed when it is not there."""

import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from ingestion.errors import SourceError
from ingestion.load.service import Loader
from ingestion.postgres.plan import make_plan
from ingestion.postgres.source import Source
from ingestion.proof import prove
from tests.ingestion.pipeline import Pipeline, pipeline
from tests.ingestion.roles import PASSWORD, with_user
from tests.ingestion.sql_files import SOURCE_GRANTS, run_file


@dataclass
class Product:
    """A database whose tables belong to `owner`, and which nobody enters uninvited; `flux` is no role yet."""

    admin: str
    owner: str
    flux: str

    @property
    def source(self) -> Source:
        return Source(with_user(self.admin, f"{self.flux}:{PASSWORD}"))

    def run(self, statements: str, *, by: str | None = None) -> None:
        with psycopg.connect(self.admin, autocommit=True) as connection:
            connection.execute(sql.SQL("set role {}").format(sql.Identifier(by or self.owner)))
            connection.execute(statements.encode())

    def administer(self, statements: str) -> None:
        with psycopg.connect(self.admin, autocommit=True) as connection:
            connection.execute(statements.encode())

    def grant(self, *files: str, **variables: str) -> None:
        for file in files:
            given = {"role": self.flux, "schema": "public", "owner": self.owner, "publication": "flux", **variables}
            owns = file == "publication_by_owner.sql"
            url = with_user(self.admin, f"{self.owner}:{PASSWORD}") if owns else self.admin
            run_file(SOURCE_GRANTS / file, url, **given)
        self.administer(f"alter role {self.flux} password '{PASSWORD}'")


@pytest.fixture
def product(database: str) -> Iterator[Product]:
    suffix, name = uuid.uuid4().hex[:8], database.rpartition("/")[2]
    product = Product(database, f"app_{suffix}", f"flux_{suffix}")
    product.administer(
        f"""
        create role {product.owner} with login password '{PASSWORD}';
        revoke all on database {name} from public; revoke all on schema public from public;
        grant connect, create on database {name} to {product.owner};
        grant create, usage on schema public to {product.owner}
        """
    )
    product.run(
        """
        create table plain (id int primary key, name text, n int);
        insert into plain select i, 'row ' || i, i from generate_series(1, 1000) as i;
        create table parted (id int, at date, primary key (id, at)) partition by range (at);
        create table parted_old partition of parted for values from (minvalue) to ('2026-01-01');
        insert into parted select i, date '2025-06-01' from generate_series(1, 100) as i;
        """
    )
    yield product
    with closing(psycopg.connect(database, autocommit=True)) as connection:
        connection.execute(
            f"select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = '{name}'".encode()
        )
        for role in (product.flux, product.owner):
            if connection.execute("select 1 from pg_roles where rolname = %s", (role,)).fetchone():
                connection.execute(f"drop owned by {role} cascade; drop role {role}".encode())


def replicated(product: Product, home: Path) -> Pipeline:
    """A pipeline of Flux's role. Its own statements would be those of that role, too."""
    return pipeline(product.source.url, home)


def equal_tables(flux: Pipeline) -> list[str]:
    report = prove(flux.source, Loader(flux.home, flux.destination.url))
    assert report.equal, report
    return sorted(table.source for table in report.tables)


BY_OWNER: tuple[str, ...] = ("role.sql", "publication_by_owner.sql")
BY_MEMBERSHIP: tuple[str, ...] = ("role.sql", "publication_by_membership.sql")


@pytest.mark.parametrize("files", [BY_OWNER, BY_MEMBERSHIP], ids=["by owner", "by membership"])
def test_everything_works_with_the_shipped_grants_alone(
    product: Product, tmp_path: Path, files: tuple[str, ...]
) -> None:
    product.grant(*files, tables="public.plain, public.parted")
    flux = replicated(product, tmp_path)
    plan = make_plan(flux.source)
    assert (plan.problems, plan.refused) == ((), ())
    assert not [warning for warning in plan.warnings if "grant" in warning]

    flux.replicate()  # the copy
    product.run("update plain set n = n + 1 where id < 10; delete from plain where id > 990")
    product.run("insert into parted select i, date '2025-07-01' from generate_series(1, 10) as i")
    flux.replicate()  # the stream
    product.run("create table later (id int primary key); insert into later values (1)")
    if files is BY_OWNER:
        product.run("alter publication flux add table later")
    product.run(
        """
        alter table plain add column note text default 'none', alter column n type bigint using n + 1;
        truncate parted; insert into parted values (1, '2025-01-01');
        create table parted_new (id int not null, at date not null, primary key (id, at));
        insert into parted_new values (7, '2026-02-02');
        alter table parted attach partition parted_new for values from ('2026-01-01') to ('2027-01-01');
        """
    )
    flux.replicate()  # what the catalog tells
    product.run("update plain set note = 'seen' where id = 1; insert into later values (2)")
    flux.replicate()

    assert equal_tables(flux) == ["public.later", "public.parted", "public.plain"]
    assert flux.query("select count(*) from raw_app.parted") == [(2,)]
    assert flux.query("select note, n from raw_app.plain where id = 1") == [("seen", 3)]


# What is taken away, and the SQL that the plan has for it.
LEFT_OUT = {
    BY_OWNER: {
        "alter role {flux} with nologin": "alter role {flux} with login",
        "revoke connect on database {database} from {flux}": "grant connect on database {database} to {flux}",
        "alter role {flux} with noreplication": 'alter role "{flux}" with replication',
        "revoke usage on schema public from {flux}": 'grant usage on schema "public" to {flux}',
        "revoke select on plain from {flux}": 'grant select on "public"."plain" to {flux}',
        "revoke pg_read_all_stats from {flux}": 'grant pg_read_all_stats to "{flux}"',
        "alter publication flux drop table plain": 'alter publication "flux" add table "public"."plain"',
        "drop publication flux": 'create publication "flux" for table',
    },
    BY_MEMBERSHIP: {
        "revoke create on database {database} from {flux}, {owner}": 'grant create on database "{database}" to',
        "revoke {owner} from {flux}": 'create publication "flux" for table "public"."parted", "public"."plain"',
    },
}


@pytest.mark.parametrize("files", LEFT_OUT, ids=["by owner", "by membership"])
def test_each_right_left_out_is_named_with_the_sql_that_mends_it(product: Product, files: tuple[str, ...]) -> None:
    names = {"flux": product.flux, "owner": product.owner, "database": product.admin.rpartition("/")[2]}
    product.grant(*files, tables="public.plain, public.parted")
    assert complaints(product, names) == []
    for taken, mend in LEFT_OUT[files].items():
        product.administer(taken.format(**names))
        found = complaints(product, names)
        said = [line for line in found if mend.format(**names) in line]
        assert said, (taken, found)
        if mend.startswith("create"):
            product.administer(said[-1].rpartition("administrator run: ")[2])
        else:
            product.administer(mend.format(**names) + (f' "{product.flux}"' if mend.endswith(" to") else ""))
        assert complaints(product, names) == [], taken


def complaints(product: Product, names: dict[str, str]) -> list[str]:
    """What the plan says of rights: placeholders in its advice are filled in, as a reader would."""
    try:
        plan = make_plan(product.source)
    except SourceError as error:
        return [str(error).replace("ROLE", names["flux"]).replace("DATABASE", names["database"])]
    refused = [f"{refusal.reason}: {refusal.fix}" for refusal in plan.refused]
    return [*map(str, plan.problems), *refused, *(warning for warning in plan.warnings if "grant" in warning)]


def test_a_table_of_another_owner_stays_out_and_hinders_no_other(product: Product, tmp_path: Path) -> None:
    product.grant(*BY_MEMBERSHIP)
    flux = replicated(product, tmp_path)
    flux.replicate()
    product.administer(f"create table foreign_one (id int primary key); grant select on foreign_one to {product.flux}")
    product.run("alter table plain alter column n type int using n + 1000")  # is in no stream

    flux.replicate()

    assert equal_tables(flux) == ["public.parted", "public.plain"]
    assert flux.query("select min(n) from raw_app.plain") == [(1001,)]
    (refusal,) = make_plan(flux.source).refused
    assert refusal.reason == "only its owner can publish it, which this role is not"
    product.administer(str(refusal.fix))
    flux.replicate()
    assert equal_tables(flux) == ["public.foreign_one", "public.parted", "public.plain"]


def test_a_partition_that_the_role_may_not_read_is_copied_with_its_table(product: Product, tmp_path: Path) -> None:
    product.grant(*BY_OWNER, tables="public.plain, public.parted")
    flux = replicated(product, tmp_path)
    flux.replicate()
    product.run(
        f"""
        create table hidden (id int not null, at date not null, primary key (id, at));
        revoke select on hidden from {product.flux}; insert into hidden values (7, '2026-02-02');
        alter table parted attach partition hidden for values from ('2026-01-01') to ('2027-01-01');
        """
    )

    flux.replicate()

    assert equal_tables(flux) == ["public.parted", "public.plain"]
    assert flux.query("select count(*) from raw_app.parted") == [(101,)]


def test_a_publication_of_ours_whose_owner_is_another_role_is_used_as_it_is(product: Product, tmp_path: Path) -> None:
    product.grant(*BY_MEMBERSHIP)
    flux = replicated(product, tmp_path)
    flux.replicate()
    product.administer("alter publication flux owner to current_user")
    product.run("create table later (id int primary key)")

    flux.replicate()

    assert equal_tables(flux) == ["public.parted", "public.plain"]
    (refusal,) = make_plan(flux.source).refused
    assert "does not hold it" in refusal.reason


@pytest.mark.parametrize("managed", [False, True], ids=["replication", "rds_replication"])
def test_an_administrator_who_is_no_superuser_runs_the_file(product: Product, managed: bool) -> None:
    """As on managed services; rds_replication is a role of that name alone, which gives no right here."""
    admin = f"admin_{product.flux}"
    product.administer(
        f"""
        create role {admin} login password '{PASSWORD}' createrole replication;
        grant {product.owner} to {admin}; grant pg_read_all_stats to {admin} with admin option;
        alter database {product.admin.rpartition("/")[2]} owner to {admin}
        """
    )
    if managed:
        product.administer(f"create role rds_replication; grant rds_replication to {admin} with admin option")
    try:
        variables = {"role": product.flux, "schema": "public", "owner": product.owner}
        for _ in range(2):  # again is harmless
            run_file(SOURCE_GRANTS / "role.sql", with_user(product.admin, f"{admin}:{PASSWORD}"), **variables)
        product.grant("publication_by_owner.sql", tables="public.plain, public.parted")
        assert make_plan(product.source).problems == ()
        with psycopg.connect(product.admin) as connection:
            found = connection.execute("select rolreplication from pg_roles where rolname = %s", (product.flux,))
            assert found.fetchone() == (not managed,)
    finally:
        product.administer(f"alter database {product.admin.rpartition('/')[2]} owner to current_user")
        product.administer(f"drop owned by {product.flux} cascade; drop role {product.flux}")
        product.administer("drop role if exists rds_replication")
        product.administer(f"drop owned by {admin}; drop role {admin}")
