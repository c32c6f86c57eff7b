"""Tell whether a disk has room: events are refused while there is some left, so that the rest of the house lives on."""

import logging
import os
from pathlib import Path

logger = logging.getLogger(__name__)


class DiskRoom:
    """Watches the disk of a directory. `is_low` is as of the last `look`."""

    def __init__(self, directory: Path, least_bytes: int) -> None:
        self._directory = directory
        self._least_bytes = least_bytes
        self.is_low = False
        self.look()

    def look(self) -> None:
        """Look at the disk; a system call of some microseconds."""
        try:
            found = os.statvfs(self._directory)
        except OSError:  # a directory that is gone is the commit's to notice
            return
        free = found.f_bavail * found.f_frsize
        is_low = free < self._least_bytes
        if is_low and not self.is_low:
            logger.error("events are refused, the disk is nearly full free_bytes=%s least=%s", free, self._least_bytes)
        elif self.is_low and not is_low:
            logger.warning("events are taken again, the disk has room free_bytes=%s", free)
        self.is_low = is_low
