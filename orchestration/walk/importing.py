"""Imports: archives of events into the log, vendors' objects into the warehouse."""

from __future__ import annotations

import glob
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ingestion.events.importing import Imported, Progress, import_archives
from ingestion.events.naming import SOURCE
from ingestion.load.vendor import ImportedObjects
from ingestion.load.vendor import import_objects as import_objects_of
from ingestion.load.vendor_mapping import load_mapping
from ingestion.warehouse.engine import open_warehouse
from ingestion.warehouse.lease import lease
from orchestration.errors import FluxError
from orchestration.settings import Settings
from orchestration.walk import loading, readers


def find(paths: Sequence[str]) -> list[Path]:
    """Give the files that paths, patterns (with ** too) and directories stand for, in order of name, each once."""
    found: set[Path] = set()
    for text in paths:
        names = [text] if Path(text).exists() else glob.glob(text, recursive=True)  # noqa: PTH207 - text may be absolute
        if not names:
            raise FluxError(f"nothing is at {text!r}; give a file, a directory or a pattern in quotes")
        for name in map(Path, names):
            found.update(path for path in name.rglob("*") if path.is_file()) if name.is_dir() else found.add(name)
    return sorted(found)


def import_events(
    settings: Settings, files: Sequence[Path], source: str, *, again: bool, progress: Progress
) -> Imported:
    """Bring archives into the log of events. Raises FluxError for a source that is no name."""
    if not SOURCE.fullmatch(source):
        raise FluxError(f"source {source!r} is no name; use lower-case letters, digits and '_', a letter first")
    return import_archives(settings.log_directory / "events", files, source, again=again, progress=progress)


def load(settings: Settings, *, progress: loading.Progress) -> dict[str, Any]:
    """Load what the log holds, publish it, and give the events' ledger."""
    loading.load(settings, progress=progress)
    if not settings.is_read_in_place:
        readers.publish(settings)
    return asdict(loading.event_ledger(settings))


def import_objects(
    settings: Settings, files: Sequence[Path], mapping: Path, *, again: bool, progress: Callable[[int], None]
) -> list[ImportedObjects]:
    """Bring a vendor's files into the warehouse, one after the other, and publish it. Waits for the lease."""
    wanted, found, rows = load_mapping(mapping), [], 0
    if wanted.absent == "deleted" and len(files) > 1:
        raise FluxError(
            f"{mapping.name} says that a file is all there is (absent: deleted); give one file, not several"
        )
    for file in files:
        with (
            lease(settings.home, "flux events import"),
            open_warehouse(settings.warehouse, memory_bytes=settings.loader_memory_bytes) as destination,
        ):
            found.append(import_objects_of(destination, file, wanted, again=again))
        rows += found[-1].rows
        progress(rows)
    if not settings.is_read_in_place:  # also what an import brought that was killed before it published
        readers.publish(settings)
    return found
