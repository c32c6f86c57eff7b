"""Wait for a lock at the source without making the product wait.

A statement that locks several tables keeps those it has while it waits for the next one, which a VACUUM or CREATE INDEX
may hold for hours. What it has blocks neither reads nor writes, but it does block an ALTER TABLE, and behind one that
waits every reader waits. So nothing is waited for longer than a moment: then all is let go and tried again.
"""

import logging
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import psycopg

logger = logging.getLogger(__name__)

LOCK_SECONDS: Final = 2
_PAUSE_SECONDS: Final = 1.0

Result = TypeVar("Result")


def patiently(connection: psycopg.Connection[Any], seconds: float, act: Callable[[], Result]) -> Result:
    """Act, again and again for so long, with a short limit on each wait for a lock. Raises LockNotAvailable.

    `act` must be fit to be run again. The session's lock_timeout is left at LOCK_SECONDS.
    """
    deadline, told = time.monotonic() + seconds, False
    connection.execute(f"set lock_timeout = '{LOCK_SECONDS}s'")
    while True:
        try:
            return act()
        except psycopg.errors.LockNotAvailable as error:
            if time.monotonic() > deadline:
                raise
            if not told:
                logger.warning("the source's publication waits for a lock reason=%s", error.diag.message_primary)
                told = True
            time.sleep(_PAUSE_SECONDS)
