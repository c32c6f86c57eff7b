"""Hold source and warehouse against each other at one position, and the history against the mirror.

Both sides count and sum their rows, range by range; rows move only where the sums differ. They are read as the copy
does, but by another road (CSV, parsed by the warehouse's engine): so that a fault of the binary decoder shows. Who owns
the warehouse and who loads it is the caller's affair.
"""

from ingestion.verify.history import assert_history_replays, replay_histories
from ingestion.verify.repair import Repair
from ingestion.verify.report import TableComparison, VerifyReport
from ingestion.verify.tables import MAX_AGE_SECONDS, Progress, verify_tables

__all__ = [
    "MAX_AGE_SECONDS",
    "Progress",
    "Repair",
    "TableComparison",
    "VerifyReport",
    "assert_history_replays",
    "replay_histories",
    "verify_tables",
]
