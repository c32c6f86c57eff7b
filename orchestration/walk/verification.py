"""The proofs: what landed keeps its promises, and source and warehouse are equal at one position."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ingestion.proof import prove
from ingestion.verify import Progress, VerifyReport
from ingestion.warehouse.lease import lease
from orchestration.checks.contract import Contract
from orchestration.checks.errors import ChecksError
from orchestration.checks.results import LandingResult
from orchestration.engines import require_models
from orchestration.errors import FluxError
from orchestration.settings import Settings
from orchestration.walk.loading import capture_now, loader
from orchestration.walk.product import product

CHECKS_NOTE = "could_not_check.json"


def verify(
    settings: Settings,
    *,
    only: Collection[str] | None = None,
    progress: Progress | None = None,
    repair: bool = False,
) -> VerifyReport:
    """Compare every replicated table (`only`: these sources) with the source, every row and column.

    Holds the lease meanwhile: the warehouse is brought to the very position at which the source is read. With `repair`
    what differs is made equal; a table that only a new copy can repair is copied by the next `replicate`.
    """
    if not settings.is_read_in_place and not settings.warehouse_path.exists():
        raise FluxError("nothing was replicated yet; run 'flux replicate --until-now' or 'flux demo'")
    with product(settings) as source:
        return prove(
            source,
            loader(settings),
            capture=lambda: capture_now(settings, source),
            only=only,
            progress=progress,
            max_age_seconds=settings.verify_snapshot_minutes * 60,
            repair=repair,
        )


def quality_directory(settings: Settings) -> Path:
    """Where pages show what the checks at the borders found."""
    return settings.home / "quality"


def check_contracts(settings: Settings, contracts: Sequence[Contract], step: str) -> list[LandingResult]:
    """Check relations of the live warehouse against their contracts, and write the pages that show it.

    Imports Great Expectations.
    """
    import sqlalchemy as sa  # here, for `verify` does without

    from orchestration.checks.landing import run_landing_checks

    require_models(settings)
    with lease(settings.home, f"{step} checks"):
        if settings.has_postgres_warehouse:
            url = sa.make_url(settings.warehouse).set(drivername="postgresql+psycopg")
        else:
            url = sa.URL.create("duckdb", database=str(settings.warehouse_path))
        return _noted(settings, step, lambda: run_landing_checks(url, contracts, data_docs=quality_directory(settings)))


def _noted(settings: Settings, step: str, run: Callable[[], list[LandingResult]]) -> list[LandingResult]:
    """Leave a note for `flux doctor` when checks could not be made, as long as that is so."""
    note = quality_directory(settings) / CHECKS_NOTE
    try:
        found = run()
    except ChecksError as error:
        note.parent.mkdir(parents=True, exist_ok=True)
        told = {"step": step, "error": " ".join(str(error).split()), "at": datetime.now(UTC).isoformat()}
        note.write_text(json.dumps(told), encoding="utf-8")
        raise
    note.unlink(missing_ok=True)
    return found
