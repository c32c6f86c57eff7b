"""RecBole reads the export that is written for it, and trains. `make test-recbole`; skipped without .venv-recbole."""

import json
import subprocess
from pathlib import Path

import pyarrow.compute as pc
import pytest

import training
from tests.training.examples import CUT, SPEC, DuckDB
from training import build_dataset, parse_spec

HERE = Path(__file__).parent
PYTHON = HERE.parents[1] / ".venv-recbole" / "bin" / "python"
LABEL = "label_click_24h"

pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="RecBole is not here; make test-recbole installs it apart")


def test_recbole_reads_and_trains(connection: DuckDB, out: Path) -> None:
    connection.raw.execute(
        "create table ml.matches as select *, example_id % 41 as opportunity_id, 'client ' || (example_id % 97 % 3)"
        " as client_id from ml.examples"
    )
    context = ["shown_at", "subject_key", "opportunity_id", "client_id"]
    spec = parse_spec(SPEC | {"relation": "ml.matches", "context": context}, "matches")
    dataset = training.open(build_dataset(connection, spec, out=out, cut=CUT).directory)
    report = training.export(dataset, "recbole", label=LABEL)

    done = subprocess.run(
        [str(PYTHON), "-P", str(HERE / "recbole_process.py"), str(report.directory), dataset.manifest.name],
        capture_output=True,
        text=True,
        check=False,
        cwd=out,
    )

    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    known = [table.filter(table[LABEL].is_valid()) for table in map(dataset.arrow, dataset.manifest.rows)]
    assert told["rows"] == [table.num_rows for table in known]
    assert told["labels"] == [pc.sum(table[LABEL]).as_py() for table in known]
    assert told["fields"].keys() == {"user_id", "item_id", "timestamp", "label", *dataset.features}
    assert told["fields"]["opportunity_kind"] == "token"
    assert told["fields"]["skill_coverage"] == "float"
    assert 0 <= told["auc"] <= 1
