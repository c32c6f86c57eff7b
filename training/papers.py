"""The papers of a dataset: stats.json, CARD.md and manifest.json, made from the written parts."""

import hashlib
import json
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.card import card_text
from training.manifest import FILE_NAME, FORMAT, manifest_text
from training.parts import part_rows, read_split
from training.spec import SPLITS, DatasetSpec
from training.stats import column_stats, label_rates

Tree = Mapping[str, Any]  # Any: a JSON tree


def write_papers(
    temporary: Path,
    spec: DatasetSpec,
    schema: pa.Schema,
    facts: Tree,
    *,
    meanings: Mapping[str, str],
    tools: Mapping[str, str],
) -> None:
    """Write the papers beside the parts; `facts` is what the build knows and the parts do not say.

    `meanings` describes columns where the specification does not.
    """
    document = {
        **facts,
        "format": FORMAT,
        "schema": [
            {"name": field.name, "type": str(field.type), "description": meanings.get(field.name, "")}
            for field in schema
        ],
        "splits": {split: _split_facts(temporary, split, spec) for split in SPLITS},
        "subjects": subjects(temporary, spec.subject),
        "tools": {
            "pyarrow": pa.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
            **tools,
        },
        "built": {"at": datetime.now(UTC).isoformat(timespec="seconds"), "code": code_version()},
    }
    stats = {split: column_stats(temporary, split, spec) for split in SPLITS}
    (temporary / "stats.json").write_text(json.dumps(stats, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    (temporary / "CARD.md").write_text(card_text(document), encoding="utf-8")
    files = {
        path.relative_to(temporary).as_posix(): {
            "sha256": file_sha256(path),
            "bytes": path.stat().st_size,
            **({"rows": part_rows(path)} if path.suffix == ".parquet" else {}),
        }
        for path in sorted(temporary.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }
    (temporary / FILE_NAME).write_text(manifest_text({**document, "files": files}), encoding="utf-8")


def subjects(directory: Path, column: str | None) -> dict[str, Any] | None:
    """Count the people of a dataset and hash their sorted list, so that a later one can be held against it.

    The list itself is in the parts only. None where the specification names no subject.
    """
    if column is None:
        return None
    found: set[str] = set()
    for split in SPLITS:
        found.update(pc.unique(read_split(directory, split, [column]).column(0)).drop_null().to_pylist())
    names = sorted(map(str, found))
    return {"count": len(names), "sha256": hashlib.sha256("\n".join(names).encode()).hexdigest()}


def file_sha256(path: Path) -> str:
    """Hash a file's bytes without holding them in memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def code_version() -> str:
    """Return the version of the installed distribution; a bare checkout is not installed and says so."""
    try:
        return metadata.version("flux-data-platform")
    except metadata.PackageNotFoundError:
        return "(a checkout that is not installed)"


def _split_facts(temporary: Path, split: str, spec: DatasetSpec) -> dict[str, Any]:
    times = read_split(temporary, split, [spec.time]).column(0)
    return {
        "rows": len(times),
        "first": times[0].as_py().isoformat() if len(times) else None,
        "last": times[-1].as_py().isoformat() if len(times) else None,
        "labels": label_rates(temporary, split, spec),
    }
