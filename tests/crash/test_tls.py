"""A source that lets nobody in without TLS: refused with words that say what to do, never with the password.

That replication over TLS is exact is tested with the other releases (`test_versions.py`, Postgres 15).
"""

import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.conftest import RUNS
from tests.crash.processes import REPLICATE, Home, await_end
from tests.crash.servers import FAST, TlsServer, make_certificates, programs

SERVED = 15


@pytest.fixture(scope="module")
def server() -> Iterator[TlsServer]:
    directory = RUNS / f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
    made = TlsServer(directory, programs(SERVED), FAST)
    made.start()
    yield made
    made.remove()
    shutil.rmtree(directory, ignore_errors=True)


def refusal(home: Home) -> str:
    """What Flux says when it cannot replicate."""
    assert await_end(home.start(REPLICATE), home) == 1
    said = (home.path / "said.txt").read_text()
    assert str(urlsplit(home.url).password) not in said
    return said.partition("error: ")[2].strip()


def place(server: TlsServer) -> str:
    return f"cannot connect to Postgres at 127.0.0.1:{urlsplit(server.url).port}, database 'marketplace': "


ADVICE = (
    "name the file with the authority's certificate in the URL: ...?sslmode=verify-full&sslrootcert=/path/to/ca.crt"
)


def test_another_authority_is_refused(server: TlsServer, tmp_path: Path) -> None:
    make_certificates(tmp_path / "other")
    home = Home(tmp_path / "home", server.url_with("marketplace", tmp_path / "other" / "authority.crt"))
    assert refusal(home) == (
        f"{place(server)}no authority that the URL trusts has signed the server's certificate "
        f"(certificate verify failed); {ADVICE}"
    )


def test_a_file_that_is_not_there_is_named(server: TlsServer, tmp_path: Path) -> None:
    home = Home(tmp_path / "home", server.url_with("marketplace", tmp_path / "none.crt"))
    assert refusal(home) == (
        f"{place(server)}the certificate of the authority cannot be read "
        f'(root certificate file "{tmp_path / "none.crt"}" does not exist); {ADVICE}'
    )


def test_a_host_that_the_certificate_does_not_name_is_refused(server: TlsServer, tmp_path: Path) -> None:
    home = Home(tmp_path / "home", server.url.replace("@127.0.0.1:", "@localhost:"))
    assert "the server's certificate is for another host (server certificate for" in refusal(home)


def test_a_connection_without_tls_is_told_to_use_it(server: TlsServer, tmp_path: Path) -> None:
    home = Home(tmp_path / "home", f"{server.url.partition('?')[0]}?sslmode=disable")
    said = refusal(home)
    assert "the server lets role 'postgres' in over TLS only, or not at all" in said
    assert ADVICE in said
