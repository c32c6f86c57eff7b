"""Every figure but the demo's at a tiny scale: some minutes. `make test ARGS=tests/benchmarks/every`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import events, replication
from benchmarks.__main__ import main
from benchmarks.demonstration import FIGURES as DEMO


@pytest.mark.timeout(900)
def test_every_figure_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tmp_path.chmod(0o755)
    stages = [*replication.STAGES, *events.STAGES]
    names = [figure.name for figures, _ in stages for figure in figures if figure not in DEMO]
    only = [word for name in names for word in ("--only", name)]
    assert main([*only, "--scale", "0.002", "--rounds", "1", "--directory", str(tmp_path)]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [found["figure"] for found in told] == names
    assert all(found["value"] > 0 for found in told)
