"""A source is reached with the same text forms everywhere, or refused with what to do; never with its password."""

import socket
from collections.abc import Iterator

import psycopg
import pytest

from demo.server import Server
from ingestion.errors import SourceCapacityError, SourceError, SourceLoginError, SourceUnreachableError
from ingestion.postgres.refusals import explain_refusal
from ingestion.postgres.source import Source, connect, replication_conninfo, session_options
from tests.ingestion.roles import PASSWORD, login_role, with_user


@pytest.fixture
def role(database: str) -> Iterator[str]:
    with login_role(database) as name:
        yield name


def refusal(url: str) -> SourceError:
    with pytest.raises(SourceError) as caught:
        connect(Source(url)).close()
    assert PASSWORD not in str(caught.value)
    return caught.value


def test_session_shows_values_as_the_stream_does_whatever_the_role_prefers(database: str, role: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"alter role {role} set datestyle = 'German'; alter role {role} set bytea_output = 'escape'")

    with connect(Source(with_user(database, f"{role}:{PASSWORD}") + "?options=-c%20lc_time%3DC")) as connection:
        row = connection.execute(
            "select '2020-01-02 09:00+09'::timestamptz::text, interval '-1 day 3 h'::text, (0.1::float8 + 0.2)::text,"
            " '\\x00ff'::bytea::text, current_setting('lc_time'), current_setting('application_name')"
        ).fetchone()

    assert row == (
        "2020-01-02 00:00:00+00", "-1 days +03:00:00", "0.30000000000000004", "\\x00ff", "C", "flux"
    )  # fmt: skip


def test_replication_session_gets_the_same_options(database: str) -> None:
    conninfo = replication_conninfo(Source(database))

    assert session_options() in conninfo
    assert "replication=database" in conninfo


def test_missing_password_is_said_with_where_to_put_it(database: str, role: str) -> None:
    error = refusal(with_user(database, role))

    assert isinstance(error, SourceLoginError)
    assert f"the server wants a password for role {role!r} and the URL has none" in str(error)


def test_wrong_password_is_not_repeated(database: str, role: str) -> None:
    error = refusal(with_user(database, f"{role}:{PASSWORD}x"))

    assert isinstance(error, SourceLoginError)
    assert f"the server refused the password of role {role!r}" in str(error)


def test_missing_database_is_named(postgres_server: Server) -> None:
    error = refusal(postgres_server.database_url("nothing_here"))

    assert isinstance(error, SourceUnreachableError)
    assert "database 'nothing_here': there is no such database" in str(error)


def test_port_where_nothing_listens_is_named() -> None:
    with socket.socket() as free:  # bound, but nobody listens
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        error = refusal(f"postgresql://app:{PASSWORD}@127.0.0.1:{port}/shop")

    assert isinstance(error, SourceUnreachableError)
    assert str(error) == (
        f"cannot connect to Postgres at 127.0.0.1:{port}, database 'shop': nothing listens there; "
        "start Postgres, correct host and port, or set its listen_addresses"
    )


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://app:{PASSWORD}/1@db/shop",
        f"postgresql://app:p@{PASSWORD}@db/shop",
        f"postgresql://app:1/{PASSWORD}@db/shop",
        f"postgresql://app:{PASSWORD}%@db/shop",
        f"host=db password={PASSWORD} oops",
    ],
)
def test_url_that_cannot_be_read_is_not_shown(url: str) -> None:
    error = refusal(url)

    assert "%40" in str(error)


def test_representation_of_a_source_hides_its_url() -> None:
    assert PASSWORD not in repr(Source(f"postgresql://app:{PASSWORD}@db/shop"))


@pytest.mark.parametrize(
    ("words", "kind", "part"),
    [
        ("FATAL:  sorry, too many clients already", SourceCapacityError, "no connection is free"),
        (
            "FATAL:  number of requested standby connections exceeds max_wal_senders (currently 1)",
            SourceCapacityError,
            "no walsender is free",
        ),
        (
            'FATAL:  no pg_hba.conf entry for host "10.0.0.9", user "app", database "shop", no encryption',
            SourceLoginError,
            'hostssl DATABASE ROLE',
        ),
        ('could not translate host name "db" to address', SourceUnreachableError, "the host's name is not known"),
        ("FATAL:  Passwort-Authentifizierung fehlgeschlagen", SourceUnreachableError, "Passwort-Authentifizierung"),
    ],
)  # fmt: skip
def test_words_of_the_server_lead_to_what_to_do(words: str, kind: type[SourceError], part: str) -> None:
    error = explain_refusal(f'connection to server at "db", port 5432 failed: {words}', "db:5432", "app")

    assert type(error) is kind
    assert part in str(error)
