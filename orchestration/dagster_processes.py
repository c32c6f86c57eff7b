"""Dagster's three processes: code server, web server, daemon. What each runs, and the instance that they share.

`flux up` starts them as children; under a supervisor of your own (containers, systemd) `flux service code-server`,
`web-server` and `daemon` become them. The instance is `$FLUX_HOME/dagster`: its dagster.yaml is that of the checkout,
with the storage that FLUX_DAGSTER_URL names. That URL stands in no file: Dagster takes it from the environment.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from orchestration.errors import FluxError
from orchestration.ports import LOOPBACK
from orchestration.settings import Settings

_STORAGE: Final = """
# Of FLUX_DAGSTER_URL.
storage:
  postgres:
    postgres_url:
      env: DAGSTER_STORAGE_URL
"""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the code server listens."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read HOST:PORT. Raises FluxError."""
        host, _, port = text.rpartition(":")
        if not host or not port.isdigit():
            raise FluxError(f"the code server's address wants HOST:PORT, got {text!r}")
        return cls(host, int(port))


def code_server_arguments(at: Address) -> tuple[str, ...]:
    """Arguments of `python -m orchestration.code_server`."""
    what = ("--module-name", "orchestration.definitions", "--location-name", "flux")
    return (
        *what,
        "--host",
        at.host,
        "--port",
        str(at.port),
        "--use-python-environment-entry-point",
        "--log-level",
        "warning",
    )


def web_server_arguments(settings: Settings, at: Address) -> tuple[str, ...]:
    """Arguments of `python -m dagster_webserver`."""
    return ("--host", at.host, "--port", str(at.port), "--workspace", str(workspace(settings)))


def daemon_arguments(settings: Settings) -> tuple[str, ...]:
    """Arguments of `python -m dagster._daemon`."""
    return ("run", "--workspace", str(workspace(settings)))


def prepare(settings: Settings, code_server: Address | None = None) -> None:
    """Write what Dagster reads: its instance's settings, and where our code server is. Several may do so at once."""
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    instance = instance_file().read_text()
    _write(settings.dagster_home / "dagster.yaml", instance + (_STORAGE if settings.dagster_url else ""))
    os.environ.update(environment(settings))
    if code_server is not None:
        _write(
            workspace(settings),
            "load_from:\n  - grpc_server:\n"
            f"      host: {code_server.host}\n      port: {code_server.port}\n      location_name: flux\n",
        )


def environment(settings: Settings) -> dict[str, str]:
    """Variables that Dagster reads in each of its processes."""
    found = {"DAGSTER_HOME": str(settings.dagster_home)}
    if settings.dagster_url is not None:
        # SQLAlchemy 2.1 takes psycopg 3 for a plain postgresql://, whose errors dagster-postgres does not know.
        found["DAGSTER_STORAGE_URL"] = "postgresql+psycopg2://" + settings.dagster_url.partition("://")[2]
    return found


def become(settings: Settings, module: str, arguments: tuple[str, ...]) -> NoReturn:
    """Turn this process into `python -m module arguments`: signals then reach Dagster itself."""
    variables = {**os.environ, **settings.environment(), **environment(settings), "PYTHONUNBUFFERED": "1"}
    os.execve(sys.executable, [sys.executable, "-m", module, *arguments], variables)  # noqa: S606 - no shell is meant


def instance_file() -> Path:
    """Find dagster.yaml of the checkout."""
    path = Path(__file__).parents[1] / "dagster.yaml"
    if not path.exists():
        raise FluxError(f"there is no {str(path)!r}; install Flux from its checkout: make install")
    return path


def workspace(settings: Settings) -> Path:
    """The file that tells web server and daemon where the code server is."""
    return settings.dagster_home / "workspace.yaml"


def _write(path: Path, text: str) -> None:
    draft = path.with_suffix(f".{os.getpid()}.draft")
    draft.write_text(text)
    draft.replace(path)


def loopback(port: int) -> Address:
    """An address that only this machine reaches."""
    return Address(LOOPBACK, port)
