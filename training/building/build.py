"""Builds a dataset: one relation of the warehouse, as it was known at one time, into one immutable directory.

    <out>/<name>/<id>/{train,valid,test}/part-00000.parquet, stats.json, CARD.md, manifest.json

The directory's id is made from what was asked (specification, as-of time, meaning of the builder) and from what
came out (logical hash). The same question to the same data is the same id and changes nothing on disk. A build
that dies leaves no directory behind that looks finished.
"""

import hashlib
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from training import directory
from training.building import journal
from training.building.judging import judge
from training.building.origin import Origin
from training.building.plan import Pinned, Plan, make_plan
from training.building.report import DatasetReport, report_of
from training.building.selection import Selection
from training.building.writing import Progress, write_rows
from training.chronicle import write_down
from training.connection import Connection
from training.content import ContentHash, canonical_json
from training.dataset import Dataset
from training.errors import AsOfError
from training.manifest import BUILDER, Cut, dataset_id
from training.papers import write_papers
from training.spec import DatasetSpec
from training.spec.document import document

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Draft:
    """A dataset whose rows are written and which has no papers yet."""

    directory: Path
    connection: Connection
    selection: Selection
    plan: Plan
    content: ContentHash

    @property
    def inputs(self) -> dict[str, Any]:  # Any: a JSON tree
        """What the dataset was asked to be."""
        return _inputs(self.selection)

    @property
    def id(self) -> str:
        """The id that it will have."""
        return dataset_id(self.inputs, self.content.hexdigest())


def build_dataset(
    connection: Connection,
    spec: DatasetSpec,
    *,
    as_of: datetime | None = None,
    out: Path,
    cut: Cut,
    origin: Origin | None = None,
    progress: Progress | None = None,
) -> DatasetReport:
    """Build the dataset of `spec` as of a time (default: the cut's own) below `out`.

    The relation must not change while this runs. Raises AsOfError, SpecError, BuildError, LeakageError; nothing that
    looks finished is left behind then.
    """
    started = time.perf_counter()
    selection = Selection(spec, resolve_as_of(as_of, cut))
    origin = origin or Origin()
    with drafted(connection, selection, out, origin=origin, progress=progress) as draft:
        dataset, created = finish(draft, cut, origin)
    if not created:
        dataset.verify()  # "nothing to do" must not hide that somebody edited it
    seconds = time.perf_counter() - started
    rows = draft.content.rows
    logger.info("dataset=%s id=%s created=%s rows=%d seconds=%.2f", spec.name, draft.id, created, rows, seconds)
    return report_of(dataset, created, seconds)


@contextmanager
def drafted(
    connection: Connection,
    selection: Selection,
    out: Path,
    *,
    origin: Origin,
    progress: Progress | None = None,
    pinned: Pinned | None = None,
) -> Iterator[Draft]:
    """Write the rows into a temporary directory, which is gone afterwards unless `finish` made a dataset of it."""
    plan = make_plan(connection, selection, pinned)
    with directory.building(out, selection.spec.name, _question(selection, plan, origin)) as temporary:
        content = write_rows(connection, selection, plan, temporary, progress or _silent)
        yield Draft(temporary, connection, selection, plan, content)


def finish(
    draft: Draft,
    cut: Cut,
    origin: Origin,
    more: dict[str, Any] | None = None,  # Any: a JSON tree
) -> tuple[Dataset, bool]:
    """Judge it, write the papers and publish, unless the dataset is there already. `more` goes into the manifest."""
    final = draft.directory.parent / draft.id
    if final.exists():
        write_down(final.parents[1])  # who made it may have been killed before
        return Dataset(final), False
    plan, spec = draft.plan, draft.selection.spec
    facts = {
        "name": spec.name,
        "id": draft.id,
        "inputs": draft.inputs,
        "logical_hash": draft.content.hexdigest(),
        "column_hashes": draft.content.columns(),
        "as_of": draft.selection.as_of.isoformat(),
        "cut": (origin.position or cut).to_json(),
        "built_on": cut.to_json(),
        "boundaries": [bound.astimezone(UTC).isoformat() for bound in plan.bounds or ()],
        "exclusions": dict(plan.exclusions),
        "withheld": dict(plan.withheld),
        **origin.to_json(),
        **judge(
            draft.connection,
            spec,
            draft.directory,
            final.parents[1],
            as_of=draft.selection.as_of,
            models=origin.manifest,
        ),
        **(more or {}),
    }
    write_papers(draft.directory, spec, plan.schema, facts, meanings=origin.meanings, tools=origin.tools)
    journal.close(draft.directory)
    directory.publish(draft.directory, draft.id)
    write_down(final.parents[1])
    return Dataset(final), True


def resolve_as_of(as_of: datetime | None, cut: Cut) -> datetime:
    """Return the as-of time in UTC. Raises AsOfError where nobody can know yet what was known then."""
    if as_of is None:
        return cut.at.astimezone(UTC)
    if as_of.tzinfo is None:
        raise AsOfError(f"as-of {as_of.isoformat()} has no time zone; write it in UTC, as {as_of.isoformat()}Z")
    if as_of > cut.at:
        raise AsOfError(
            f"as-of {as_of.astimezone(UTC).isoformat()} lies after the warehouse's cut"
            f" {cut.at.astimezone(UTC).isoformat()}, so nobody can know it yet; ask for that time or earlier, or"
            " load up to now and build again ('flux replicate --until-now', then 'flux build'), which also tells that a"
            " source was quiet"
        )
    return as_of.astimezone(UTC)


def _inputs(selection: Selection) -> dict[str, Any]:
    return {"spec": document(selection.spec), "as_of": selection.as_of.isoformat(), "builder": BUILDER}


def _question(selection: Selection, plan: Plan, origin: Origin) -> str | None:
    """Name what is built from which state; None where the caller does not say which state it is."""
    if origin.state is None:
        return None
    asked = {
        "inputs": _inputs(selection),
        "state": origin.state,
        "schema": [str(field) for field in plan.schema],
        "bounds": [bound.isoformat() for bound in plan.bounds or ()],
        "splits": dict(plan.splits),
    }
    return hashlib.sha256(canonical_json(asked)).hexdigest()[:16]


def _silent(step: str, rows: int, total: int) -> None:
    pass
