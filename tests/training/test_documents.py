"""What docs/training.md says is there, and its first lines do what they say."""

import re
from pathlib import Path

from tests.training.examples import CUT, DuckDB
from training import DatasetSpec, build_dataset, load_spec

PAGE = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")


def test_the_first_lines_of_python_load_a_set(connection: DuckDB, spec: DatasetSpec, out: Path) -> None:
    report = build_dataset(connection, spec, out=out, cut=CUT)
    code = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[0]
    assert '"match/1f0c"' in code

    told: dict[str, object] = {}
    exec(code.replace('"match/1f0c"', repr(str(report.directory))), told)

    assert told["features"].num_columns == len(spec.features)  # type: ignore[attr-defined]
    assert told["labels"].num_rows == report.rows["train"]  # type: ignore[attr-defined]


def test_every_column_of_the_match_set_is_explained() -> None:
    spec = load_spec("match")
    [table] = re.findall(r"^## The columns.*?(?=^## )", PAGE, re.MULTILINE | re.DOTALL)
    assert set(spec.columns) <= set(re.findall(r"`(\w+)`", table))
