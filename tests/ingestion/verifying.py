"""Verify a pipeline's warehouse, also one that somebody tampered with."""

from collections.abc import Sequence

from ingestion.load.loader import ChangeLoader
from ingestion.postgres.pgoutput.lsn import Lsn
from ingestion.verify import MAX_AGE_SECONDS, Repair, TableComparison, VerifyReport, verify_tables
from ingestion.verify.ranges import PART_ROWS
from tests.ingestion.pipeline import Pipeline


def verify(
    flux: Pipeline,
    only: list[str] | None = None,
    meanwhile: Sequence[str] = (),
    *,
    part_rows: int = PART_ROWS,
    max_age_seconds: float = MAX_AGE_SECONDS,
    repair: bool = False,
) -> VerifyReport:
    """Verify; `meanwhile` is executed at the source after each snapshot, before the warehouse is brought there."""

    def bring(lsn: Lsn) -> None:
        flux.execute(*meanwhile)
        flux.capture()
        ChangeLoader(destination, flux.home / "log").drain(until=lsn)

    with flux.destination.open() as destination:
        return verify_tables(
            flux.source,
            destination,
            bring,
            spool=flux.home,
            only=only,
            part_rows=part_rows,
            max_age_seconds=max_age_seconds,
            repair=Repair(destination, clocked=False) if repair else None,
        )


def compared(report: VerifyReport, source: str) -> TableComparison:
    return next(table for table in report.tables if table.source == source)


def tamper(flux: Pipeline, *statements: str) -> None:
    for statement in statements:
        flux.query(statement)
