"""One figure from end to end: a process of the product, its clock, its memory, the line of JSON."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from benchmarks.__main__ import main


def test_a_figure_tells_what_is_needed_to_judge_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "figures.json"
    arguments = ["--only", "publish", "--scale", "0.002", "--rounds", "2", "--directory", str(tmp_path)]
    assert main([*arguments, "--output", str(output)]) == 0

    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert json.loads(output.read_text()) == [told]
    assert list(told)[:7] == ["figure", "value", "unit", "floor", "ratio", "goal", "met"]
    assert told["met"] is None
    assert (told["cores"], told["versions"]["duckdb"]) != (None, None)
    assert len(told["rounds"]) == 2
    for each in told["rounds"]:
        assert each["peak_rss_mb"]["publish"] > 50
        assert each["cpu_seconds"]["publish"] > 0
        assert each["ratio"] == pytest.approx(each["value"] / each["floor"], rel=0.01)
    assert list(tmp_path.iterdir()) == [output]


def test_a_load_of_events_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "load_known", "--scale", "0.001", "--rounds", "1", "--directory", str(tmp_path)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["rounds"][0]["events"] == 300
    assert told["ratio"] == pytest.approx(told["value"] / told["floor"], rel=0.01)


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not here; on Debian: apt-get install wrk")
def test_a_collector_under_load_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "collect_gzip", "--scale", "0.01", "--rounds", "1", "--directory", str(tmp_path)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["value"] > 100
    assert 900 < told["rounds"][0]["event_bytes"] < 1100


@pytest.mark.parametrize("figure", ["pit_join_deep", "training_export"])
def test_training_sets_are_measured(figure: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", figure, "--scale", "0.002", "--rounds", "1", "--directory", str(tmp_path)]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[0])
    assert told["figure"] == figure
    assert told["ratio"] == pytest.approx(told["value"] / told["floor"], rel=0.01)


def test_without_a_load_generator_the_collector_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["--only", "collect_gzip", "--scale", "0.01", "--rounds", "1", "--directory", str(tmp_path)]) == 1
    assert "apt-get install wrk" in capsys.readouterr().err
