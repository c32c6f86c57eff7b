"""Where the dbt project lies, and its manifest, parsed once for each state of the project's files."""

from __future__ import annotations

import fcntl
import getpass
import hashlib
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

from orchestration.engines import require_models
from orchestration.errors import BuildError
from orchestration.settings import Settings

KEPT = (".sql", ".yml", ".yaml", ".md", ".csv", ".json", ".txt")


def project_directory() -> Path:
    """Find dbt_project: beside the packages in a checkout, inside this one when installed from a wheel."""
    packages = Path(__file__).parents[2]
    for place in (packages / "dbt_project", packages / "orchestration" / "_dbt_project"):
        if (place / "dbt_project.yml").exists():
            return place
    raise BuildError(f"there is no dbt_project beside {str(packages)!r}; install Flux from its checkout: make install")


def fingerprint(project: Path, adapter: str) -> str:
    """Hash the project's files and the versions that read them. Costs a read of each file, some milliseconds."""
    digest = hashlib.sha256()
    for name in ("dbt-core", f"dbt-{adapter}"):
        digest.update(f"{name} {version(name)}\n".encode())
    for path in sorted(project.rglob("*")):
        hidden = path.name.startswith(".") or "target" in path.relative_to(project).parts
        if path.suffix in KEPT and not hidden and path.is_file():
            content = path.read_bytes()
            digest.update(f"{path.relative_to(project)} {len(content)}\n".encode())
            digest.update(content)
    return digest.hexdigest()[:16]


def manifest_path(settings: Settings) -> Path:
    """Name the manifest of the project's present files, whether it is there or not."""
    return settings.dbt_directory / f"manifest-{_fingerprint(settings)}.json"


def prepare(settings: Settings) -> Path:
    """Parse the project unless that was done for these very files, and return its manifest.

    Two processes that prepare at once do the work once. Raises BuildError with dbt's own first complaint.
    """
    path = manifest_path(settings)
    if path.exists():
        return path
    settings.dbt_directory.mkdir(parents=True, exist_ok=True)
    with (settings.dbt_directory / "parse.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            _write(settings, path)
    return path


def arguments(settings: Settings, command: str) -> list[str]:
    """Give the arguments that every dbt invocation of ours shares; target and logs stay out of the checkout."""
    project = str(project_directory())
    return [
        command,
        *("--project-dir", project, "--profiles-dir", project),
        *("--target-path", str(settings.dbt_directory / "target")),
        *("--log-path", str(settings.dbt_directory / "logs")),
        # Its log file costs 8 % of a build (measured 2026-11: a line is made of every event before its level is looked
        # at). What failed and why is in the results, its SQL in the target directory.
        *("--log-level", "none", "--log-level-file", "none", "--no-use-colors", "--no-print"),
        "--no-send-anonymous-usage-stats",  # which would also leave a .user.yml in the checkout
    ]


def set_environment(settings: Settings) -> None:
    """Set what profiles.yml reads. dbt takes the process's environment and nothing else."""
    require_models(settings)
    os.environ["DBT_WAREHOUSE"] = adapter(settings)
    if settings.has_postgres_warehouse:
        os.environ.update(_libpq_variables(settings.warehouse))
    else:
        os.environ["DBT_WAREHOUSE_PATH"] = str(settings.warehouse_path)
        os.environ.pop("DBT_MEMORY_LIMIT", None)
        if settings.build_memory_bytes is not None:
            os.environ["DBT_MEMORY_LIMIT"] = f"{settings.build_memory_bytes}B"
    os.environ.setdefault("DBT_THREADS", "2")


def adapter(settings: Settings) -> str:
    """Name dbt's adapter for the warehouse, and the target of profiles.yml."""
    return "postgres" if settings.has_postgres_warehouse else "duckdb"


def _libpq_variables(url: str) -> dict[str, str]:
    """Give libpq's environment variables that say what the URL says; one that it leaves open is unset or libpq's."""
    from psycopg.conninfo import conninfo_to_dict, make_conninfo
    from psycopg.pq import Conninfo

    given = conninfo_to_dict(make_conninfo(url))
    defaults = {"host": "localhost", "user": getpass.getuser()}
    known = {option.keyword.decode(): option.envvar for option in Conninfo.get_defaults()}
    values = defaults | {name: str(value) for name, value in given.items() if value is not None}
    values.setdefault("dbname", values["user"])
    return {variable.decode(): values[name] for name, variable in known.items() if variable and name in values}


def warm(settings: Settings) -> None:
    """Parse what this process has not parsed yet, as builds need it: now, if there is time now and not then."""
    if parsed(settings) is not None:
        return
    from dbt.cli.main import dbtRunner

    set_environment(settings)
    result = dbtRunner().invoke(arguments(settings, "parse"))
    if not result.success:
        raise BuildError(f"dbt cannot parse the models: {complaint(result.exception)}") from result.exception
    _parsed[_fingerprint(settings)] = result.result


def parsed(settings: Settings) -> Any:  # Any: dbt ships no types
    """Give what `warm` or `prepare` parsed in this process, None when nothing or when files changed since."""
    return _parsed.get(_fingerprint(settings)) if _parsed else None


def _fingerprint(settings: Settings) -> str:
    return fingerprint(project_directory(), adapter(settings))


_parsed: dict[str, Any] = {}  # by fingerprint


def _write(settings: Settings, path: Path) -> None:
    warm(settings)
    draft = path.with_suffix(".draft")
    parsed(settings).write(str(draft))  # what another home's parse gave says the same
    for old in settings.dbt_directory.glob("manifest-*.json"):
        old.unlink()
    draft.replace(path)


def complaint(error: BaseException | None) -> str:
    """Give dbt's error in one line."""
    return " ".join(str(error).split()) if error is not None else "no reason given; see dbt's log"
