"""Exceptions at a strict stand-in of Sentry: bugs arrive with release and place, rows and secrets do not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from orchestration.exceptions import REMOVED, masked, scrubbed
from tests.alerts.sentry import Sentry, sentry

PERSON = "ann.lee@example.com"
# A process of ours, as services are: `main` catches, prints one line and ends.
DIES = f"""
import sys
from orchestration.cli.main import main
from ingestion.errors import LoadError

def die(*ignored, **more):
    person = {PERSON!r}
    url = "postgresql://flux:s3cret@db/app?password=s3cret"
    {{body}}

import orchestration.walk.observing
orchestration.walk.observing.observe = die
main(["metrics"])
"""


@pytest.fixture
def server() -> Iterator[Sentry]:
    with sentry() as found:
        yield found


def dies(body: str, server: Sentry, home: Path) -> str:
    environment = {**os.environ, "FLUX_HOME": str(home), "FLUX_SENTRY_DSN": server.dsn}
    environment |= {"FLUX_SENTRY_ENVIRONMENT": "staging", "FLUX_WRITE_KEYS": "s3cret:web"}
    done = subprocess.run(
        [sys.executable, "-c", DIES.format(body=body)],
        env=environment, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.stderr


def test_a_bug_arrives_with_its_release_and_place_and_without_anybodys_data(server: Sentry, tmp_path: Path) -> None:
    said = dies("raise ValueError(f'row of {person} at {url}')", server, tmp_path)
    event, envelope = server.next()
    assert "this is a bug of Flux" in said
    assert event["release"] == f"flux@{version('flux-data-platform')}"
    assert event["environment"] == "staging"
    (value,) = event["exception"]["values"]
    assert (value["type"], value["value"]) == ("ValueError", REMOVED)
    last = value["stacktrace"]["frames"][-1]
    assert last["function"] == "die"
    assert any(frame["filename"] == "orchestration/cli/main.py" for frame in value["stacktrace"]["frames"])
    for secret in (PERSON, "ann.lee", "s3cret", str(tmp_path), str(Path.home())):
        assert secret.encode() not in envelope, secret


def test_an_error_that_is_meant_for_the_operator_is_not_sent(server: Sentry, tmp_path: Path) -> None:
    said = dies("raise LoadError('the warehouse is behind; run flux load')", server, tmp_path)
    assert said == "error: the warehouse is behind; run flux load\n"
    assert server.came.empty()


def test_what_is_logged_as_an_error_arrives_as_the_line_of_the_code(server: Sentry, tmp_path: Path) -> None:
    body = (
        "import logging; logging.getLogger('ingestion.load').error('table is set aside table=%s', person);"
        " logging.getLogger('urllib3').error('row of %s', person); raise LoadError('done')"
    )
    dies(body, server, tmp_path)
    event, envelope = server.next()
    assert event["logentry"] == {"message": "table is set aside table=%s"}
    assert PERSON.encode() not in envelope
    assert server.came.empty()


def test_without_a_dsn_the_sdk_is_not_even_imported() -> None:
    program = (
        "import sys; from orchestration.cli.main import main; main(['settings']); print('sentry_sdk' in sys.modules)"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FLUX_")}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=Path(__file__).parents[2], capture_output=True, text=True,
        timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "False"


def test_words_of_our_own_errors_are_masked() -> None:
    text = "slot 'flux' at postgresql://flux:s3cret@db:5432/app?sslmode=x is gone; ask ann@example.com"
    assert masked(text) == "slot 'flux' at postgresql://db:5432/app is gone; ask ***"


def test_whatever_an_event_has_only_what_is_known_is_kept() -> None:
    event = {
        "event_id": "0" * 32, "level": "error", "user": {"email": PERSON}, "request": {"url": PERSON},
        "extra": {"x": PERSON},
        "breadcrumbs": {"values": [{"message": PERSON}]}, "contexts": {"x": PERSON}, "tags": {"x": PERSON},
        "exception": {"values": [{"type": "DataError", "module": "psycopg.errors", "value": f"Key (email)=({PERSON})",
                                  "stacktrace": {"frames": [{"function": "f", "vars": {"row": PERSON}, "abs_path": "/x",
                                                             "filename": "/home/ann/x.py"}]}}]},
    }  # fmt: skip
    assert PERSON not in json.dumps(scrubbed(event))
    assert "/home/ann" not in json.dumps(scrubbed(event))
