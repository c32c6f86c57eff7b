"""Reads RecBole's atomic files as RecBole 1.2 does, from its documentation and source; stricter where it is lenient.

Source: https://recbole.io/docs/user_guide/data/atomic_files.html and `Dataset._load_feat`: the first line is cut at the
field separator, each name at its colon; the rest is read by pandas, which takes some words for missing.
"""

from pathlib import Path

import pandas as pd

TYPES = ("token", "token_seq", "float", "float_seq")


def read_atomic(path: Path) -> pd.DataFrame:
    """Read one file; raise where a field has another type than its header says, or a line other fields."""
    text = path.read_text(encoding="utf-8")
    assert text.endswith("\n")
    lines = text.splitlines()
    types = {}
    for field_type in lines[0].split("\t"):
        field, kind = field_type.split(":")
        assert kind in TYPES
        assert field not in types
        types[field] = kind
    assert {line.count("\t") for line in lines} == {len(types) - 1}
    frame = pd.read_csv(
        path,
        delimiter="\t",
        dtype={f"{field}:{kind}": "float64" if kind == "float" else "str" for field, kind in types.items()},
    )
    frame.columns = pd.Index(list(types))
    return frame
