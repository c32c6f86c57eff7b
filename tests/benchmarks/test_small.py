"""One figure from end to end: a process of the product, its clock, its memory, the line of JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.replication import main


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
