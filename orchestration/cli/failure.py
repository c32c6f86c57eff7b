"""Turn whatever a command raised into one line for a person, and an exit code."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from pathlib import Path

import click

from orchestration import exceptions

ROOTS = {
    "orchestration.errors": "FluxError",
    "ingestion.errors": "IngestionError",
    "dashboards.errors": "DashboardError",
    "training.errors": "TrainingError",
    "demo.errors": "DemoError",
}


def report(error: BaseException) -> int:
    """Print the error to stderr, as one line unless debugging, and return the exit code."""
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    if isinstance(error, click.Abort | KeyboardInterrupt) or _is_interrupted_query(error):
        click.echo("interrupted", err=True)
        return 130
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    if isinstance(error, BrokenPipeError):
        # The reader of our output went away (`| head`); say nothing, and keep Python from saying it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    if debugging():
        traceback.print_exception(error)
        if words := getattr(error, "engine_words", ""):
            click.echo(words, err=True)
    if not _is_ours(error) and _system_error(error) not in _SYSTEM:
        exceptions.tell(error)
    click.echo(f"error: {sentence(error)}", err=True)
    return 1


def sentence(error: BaseException) -> str:
    """Say what happened and what to do, in one line."""
    if _is_ours(error):
        return " ".join(str(error).split())
    number = _system_error(error)
    if number in _SYSTEM:
        name = getattr(error, "filename", None)
        return _SYSTEM[number] + (f" at {str(name)!r}" if name else "")
    frame = traceback.extract_tb(error.__traceback__)[-1:] if error.__traceback__ else []
    place = f" ({Path(frame[0].filename).name}:{frame[0].lineno})" if frame else ""
    text = "its words may hold a value" if _may_quote(error) else " ".join(str(error).split())
    return f"unexpected {type(error).__name__}{place}: {text}; this is a bug of Flux, FLUX_DEBUG=1 shows the traceback"


def debugging() -> bool:
    """Tell whether tracebacks are wanted; works before, and in spite of, wrong settings."""
    return os.environ.get("FLUX_DEBUG", "").lower() in ("1", "true", "yes")


def _is_ours(error: BaseException) -> bool:
    # A room that was never imported cannot have raised.
    return any(
        isinstance(error, getattr(sys.modules[module], root)) for module, root in ROOTS.items() if module in sys.modules
    )


def _is_interrupted_query(error: BaseException) -> bool:
    """Whether a signal ended a statement of DuckDB, which then loses what the signal's handler raised.

    Seen with 2.0.0: a RuntimeError without a cause in place of a KeyboardInterrupt. Drop it when DuckDB hands that on.
    """
    return type(error) is RuntimeError and str(error) == "Query interrupted"


def _may_quote(error: BaseException) -> bool:
    """Whether an error of a driver (DuckDB, psycopg) is of a value, which its words then show: logs hold none."""
    kinds = {f"{kind.__module__.split('.')[0].lstrip('_')}.{kind.__name__}" for kind in type(error).__mro__}
    return bool(kinds & _OF_VALUES)


def _system_error(error: BaseException) -> int | None:
    """The errno of an error; DuckDB hands on its words alone."""
    if isinstance(error, OSError):
        return error.errno
    if type(error).__module__.startswith(("duckdb", "_duckdb")):
        return next((number for number in _SYSTEM if os.strerror(number) in str(error)), None)
    return None


_OF_VALUES = {"duckdb.DataError", "duckdb.IntegrityError", "duckdb.InvalidInputException", "psycopg.DataError",
              "psycopg.IntegrityError"}  # fmt: skip
_SYSTEM = {
    errno.ENOSPC: "no space left on the disk; free some, nothing that was acknowledged is lost, and run this again",
    errno.EACCES: "permission denied; give this user the right, or set FLUX_HOME to a directory it owns",
    errno.EROFS: "the file system is read-only; set FLUX_HOME to a directory that can be written",
    errno.EADDRINUSE: "the port is taken by another program; stop that, or choose another port ('flux settings')",
}
