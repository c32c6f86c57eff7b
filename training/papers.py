"""The papers of a dataset: stats.json, CARD.md and manifest.json, made from the written parts."""

import hashlib
import json
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import pyarrow as pa

from training.card import card_text
from training.manifest import FILE_NAME, FORMAT, manifest_text
from training.parts import part_rows, read_split
from training.spec import SPLITS, DatasetSpec
from training.stats import column_stats, label_rates


def write_papers(temporary: Path, spec: DatasetSpec, facts: Mapping[str, Any]) -> None:  # Any: a JSON tree
    """Write the papers beside the parts; `facts` is what the build knows and the parts do not say."""
    document = {
        **facts,
        "format": FORMAT,
        "splits": {split: _split_facts(temporary, split, spec) for split in SPLITS},
        "tools": {"pyarrow": pa.__version__, "python": platform.python_version()},
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
        if path.is_file()
    }
    (temporary / FILE_NAME).write_text(manifest_text({**document, "files": files}), encoding="utf-8")


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
