"""Take into the log what other processes handed in beside it (see `ingestion.log.handed`), like a request's events."""

import asyncio
import logging
from pathlib import Path
from typing import Final

from ingestion.events.collector.group_commit import BufferFullError, DiskLowError, GroupCommit, NotDurableError
from ingestion.log import handed

logger = logging.getLogger(__name__)

_POLL_SECONDS: Final = 0.2


async def take_handed_in(log: Path, commit: GroupCommit) -> None:
    """Take files, oldest first, until cancelled. What the log does not take now is tried again.

    A file that the disk does not give, or does not let go, is passed over and told of once: it waits for a human.
    """
    passed_over: set[Path] = set()
    while True:
        for path in handed.waiting(log):
            if path in passed_over:
                continue
            try:
                records = await asyncio.to_thread(handed.read, path)
                await commit.submit(records)
                handed.taken(path)
            except FileNotFoundError:
                continue
            except (BufferFullError, DiskLowError, NotDurableError):
                break
            except OSError as error:
                passed_over.add(path)
                logger.error("what was handed in cannot be taken file=%s: %s", path.name, error.strerror)
                continue
            logger.info("records taken that were handed in records=%s", len(records))
        await asyncio.sleep(_POLL_SECONDS)
