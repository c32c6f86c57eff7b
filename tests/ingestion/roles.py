"""A login role of one test alone: roles belong to the server, not to the database."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

PASSWORD = "hush-4711"


@contextmanager
def login_role(database: str) -> Iterator[str]:
    """Create a role that may log in with PASSWORD, and no more; drop it with what it owns in this database."""
    name = f"role_{uuid.uuid4().hex[:12]}"
    identifier = sql.Identifier(name)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(sql.SQL("create role {} with login password {}").format(identifier, sql.Literal(PASSWORD)))
    try:
        yield name
    finally:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(sql.SQL("drop owned by {0}; drop role {0}").format(identifier))


def with_user(url: str, user: str) -> str:
    """The URL with another user part, `role` or `role:password`."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{user}@{parts.hostname}:{parts.port}").geturl()
