"""What docs/training.md says is there."""

import re
from pathlib import Path

from training import load_spec

PAGE = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")


def test_every_column_of_the_match_set_is_explained() -> None:
    spec = load_spec("match")
    [table] = re.findall(r"^## The columns.*?(?=^## )", PAGE, re.MULTILINE | re.DOTALL)
    assert set(spec.columns) <= set(re.findall(r"`(\w+)`", table))
