"""A built and published Postgres warehouse with readers of two clients and analysts, as the shipped SQL makes them."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import psycopg

from ingestion.warehouse.postgres.connection import connect
from ingestion.warehouse.postgres.serving import publish_serving
from orchestration.walk.readers import served
from tests.ingestion.roles import PASSWORD, with_user
from tests.ingestion.sql_files import WAREHOUSE_GRANTS, run_file

CLIENTS = (1, 2)
Rows = list[tuple[object, ...]]


@dataclass(frozen=True)
class Tenants:
    """`client_1`, `client_2`, `analyst`, `metabase`, `stranger` are persons; `group` is their rights' role."""

    owner: str
    suffix: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    def role(self, person: str) -> str:
        return f"{person}_{self.suffix}"

    def group(self, person: str) -> str:
        return f"{person}_readers_{self.suffix}"

    def administer(self, statements: str) -> None:
        with psycopg.connect(self.owner, autocommit=True) as connection:
            connection.execute(statements.encode())

    def publish(self) -> None:
        with closing(connect(self.owner)) as connection:
            publish_serving(connection, served(connection))

    def ask_owner(self, query: str) -> Rows:
        with psycopg.connect(self.owner, autocommit=True) as connection:
            return connection.execute(query.encode()).fetchall()

    def connect(self, person: str) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(with_user(self.owner, f"{self.role(person)}:{PASSWORD}"), autocommit=True)

    def ask(self, person: str, *statements: str) -> Rows:
        """Run statements in one session and return the rows of the last."""
        with self.connect(person) as connection:
            for statement in statements[:-1]:
                connection.execute(statement.encode())
            return connection.execute(statements[-1].encode()).fetchall()

    def refuses(self, person: str, *statements: str) -> bool:
        try:
            self.ask(person, *statements)
        except psycopg.errors.InsufficientPrivilege:
            return True
        return False

    def grant(self) -> None:
        """Run the shipped files."""
        owner = str(self.ask_owner("select current_user")[0][0])
        for client in CLIENTS:
            given = {"loader": owner, "reader": self.group(f"client_{client}"), "client": str(client)}
            run_file(WAREHOUSE_GRANTS / "client_reader.sql", self.owner, **given)
        run_file(WAREHOUSE_GRANTS / "analysts.sql", self.owner, loader=owner, analysts=self.group("analyst"))
        run_file(WAREHOUSE_GRANTS / "dashboards.sql", self.owner, loader=owner, reader=self.group("metabase"))


def counted(rows: Rows) -> Counter[tuple[object, ...]]:
    """Rows as a bag."""
    return Counter(rows)


@contextmanager
def tenants(owner: str) -> Iterator[Tenants]:
    """Publish, make the roles, run the grants; drop the roles at the end."""
    made = Tenants(owner)
    made.publish()
    persons = ("client_1", "client_2", "analyst", "metabase", "stranger")
    made.administer(f"create role {made.group('analyst')}")
    try:
        made.grant()
        for person in persons:
            made.administer(f"create role {made.role(person)} login password '{PASSWORD}'")
        for person in persons[:4]:
            made.administer(f"grant {made.group(person)} to {made.role(person)}")
        yield made
    finally:
        made.administer(f"delete from _flux.client_readers where role_name like '%{made.suffix}'")
        for (role,) in made.ask_owner(f"select rolname from pg_roles where rolname like '%{made.suffix}' order by 1"):
            made.administer(f"drop owned by {role} cascade; drop role {role}")
