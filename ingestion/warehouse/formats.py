"""Which form a warehouse is of, so that a Flux which is too old for it refuses it instead of reading it wrongly.

Raise FORMAT when an older Flux would do harm to what a newer one writes: when a table or a column of `_flux`, a mirror
or a history means something else than before. A table or a column more, which `Machinery.ensure` adds, is no reason.
"""

from dataclasses import dataclass
from importlib import metadata
from typing import Final

from ingestion.errors import WarehouseNewerError
from ingestion.warehouse.session import Session

FORMAT: Final = 1
_TABLE: Final = "create table if not exists _flux.formats (format integer, flux varchar, since timestamptz)"


@dataclass(frozen=True, slots=True)
class Formats:
    """Reads and writes `_flux.formats`, a row for each form that the warehouse had."""

    session: Session

    def newest(self) -> tuple[int, str] | None:
        """The form it has and the Flux that gave it; None in a warehouse of before this table, or a new one."""
        if not self.session.columns("_flux", "formats"):
            return None
        rows = self.session.execute("select format, flux from _flux.formats order by format desc limit 1")
        return (int(rows[0][0]), str(rows[0][1])) if rows else None

    def require_known(self) -> None:
        """Raise WarehouseNewerError when this Flux is too old for the warehouse."""
        found = self.newest()
        if found is not None and found[0] > FORMAT:
            raise WarehouseNewerError(
                f"the warehouse is of form {found[0]}, written by Flux {found[1]}, and this one ({release()}) knows "
                f"forms up to {FORMAT}; run that Flux, or put back the backup of before it, then 'flux load'"
            )

    def note(self) -> None:
        """Note that it has the form of this Flux, unless that stands there."""
        self.session.execute(_TABLE)
        found = self.newest()
        if found is None or found[0] < FORMAT:
            self.session.execute("insert into _flux.formats values ($1, $2, now())", [FORMAT, release()])


def release() -> str:
    """The release of the installed Flux."""
    try:
        return metadata.version("flux-data-platform")
    except metadata.PackageNotFoundError:
        return "of a checkout"
