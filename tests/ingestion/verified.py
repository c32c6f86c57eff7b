"""What `flux verify` says at the end of a test, and whether each history replays."""

from ingestion.load.loader import ChangeLoader
from ingestion.postgres.pgoutput.lsn import Lsn
from ingestion.verify import assert_history_replays, verify_tables
from tests.ingestion.pipeline import Pipeline


def assert_verified(flux: Pipeline) -> None:
    """Source and warehouse are equal at one position, and the histories say so, too."""

    def bring(lsn: Lsn) -> None:
        flux.capture()
        ChangeLoader(destination, flux.home / "log", clock=flux.source.clock).drain(until=lsn)

    with flux.destination.open() as destination:
        report = verify_tables(flux.source, destination, bring, spool=flux.home)
        assert report.equal, report.to_json()
        assert_history_replays(destination)
