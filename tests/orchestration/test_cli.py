"""The command line: quick to answer, every command with help and an example, errors in one line."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import duckdb
import psycopg
import pytest
from click.testing import CliRunner

from orchestration.cli.failure import sentence
from orchestration.cli.main import COMMANDS, flux, main

HEAVY = (
    "dagster",
    "dbt",
    "duckdb",
    "pyarrow",
    "pandas",
    "numpy",
    "sqlalchemy",
    "great_expectations",
    "psycopg",
    "rich",
)


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


ALL = dict(commands(flux))


def test_help_imports_nothing_heavy() -> None:
    script = "import sys; from orchestration.cli import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    imported = {name.partition(".")[0] for name in done.stderr.split()}
    assert "orchestration" in imported
    assert imported.isdisjoint(HEAVY)


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_help_of_every_command_has_an_example(path: tuple[str, ...]) -> None:
    done = CliRunner().invoke(flux, [*path, "--help"])
    assert done.exit_code == 0
    example = done.output.partition("Example:")[2]
    assert f"flux {' '.join(path)}" in example


def test_list_of_commands_says_what_each_command_says_of_itself() -> None:
    for name, (_, line) in COMMANDS.items():
        assert ALL[(name,)].get_short_help_str(limit=200) == line, name


def test_a_pull_offers_the_formats_that_there_are() -> None:
    from orchestration.cli.training.pull import FORMATS
    from training import formats

    assert ("parquet", *formats.FORMATS) == FORMATS


def test_unknown_setting_is_one_line_and_exit_code_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLUX_HOEM", "x")
    assert main(["settings"]) == 1
    assert capsys.readouterr().err == "error: unknown setting 'FLUX_HOEM'; did you mean FLUX_HOME?\n"


def test_traceback_is_shown_only_when_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("FLUX_HOME", str(tmp_path))
    monkeypatch.delenv("FLUX_DEBUG", raising=False)
    assert main(["query", "select 1"]) == 1
    plain = capsys.readouterr().err
    assert plain.startswith("error: nothing is published at")
    assert plain.count("\n") == 1
    monkeypatch.setenv("FLUX_DEBUG", "1")
    assert main(["query", "select 1"]) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        duckdb.IOException('IO Error: Could not write file "w.duckdb": No space left on device'),
    ],
    ids=["log", "warehouse"],
)
def test_full_disk_is_told_as_one_whoever_met_it(error: Exception) -> None:
    assert sentence(error).startswith("no space left on the disk; free some")


@pytest.mark.parametrize(
    "error",
    [
        duckdb.ConversionException("Could not convert string 'Anna' to INT64"),
        duckdb.ConstraintException('Duplicate key "name: Anna"'),
        psycopg.errors.UniqueViolation("Key (name)=(Anna) already exists"),
        psycopg.errors.InvalidTextRepresentation('invalid input syntax for type integer: "Anna"'),
    ],
)
def test_a_drivers_words_about_a_value_are_not_repeated(error: Exception) -> None:
    told = sentence(error)
    assert "Anna" not in told
    assert type(error).__name__ in told


def test_wrong_usage_is_exit_code_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query"]) == 2
    assert "Missing argument 'SQL'" in capsys.readouterr().err


def test_settings_as_json_hold_no_secret(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FLUX_SOURCE_URL", "postgresql://ann:s3cret@db/app")
    assert main(["settings", "--json"]) == 0
    text = capsys.readouterr().out
    assert "s3cret" not in text
    assert {row["name"]: row["value"] for row in json.loads(text)}["FLUX_SOURCE_URL"] == "postgresql://db/app"


def test_query_shows_dates_that_python_has_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("FLUX_HOME", str(tmp_path))
    (tmp_path / "published").mkdir()
    duckdb.connect(str(tmp_path / "published" / "warehouse.duckdb")).close()
    sql = "select date 'infinity' as ever, '0044-03-15 (BC)'::date as ides, timestamptz '-infinity' as since, 1 as one"
    assert main(["query", "--json", sql]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row == {"ever": "infinity", "ides": "0044-03-15 (BC)", "since": "-infinity", "one": 1}
