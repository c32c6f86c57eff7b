"""A throttle: the source's disk and network are the product's first."""

import threading
import time


class Throttle:
    """Lets through so many bytes a second, together for all threads that take from it. None: no limit."""

    def __init__(self, bytes_per_second: int | None) -> None:
        self.bytes_per_second = bytes_per_second
        self._free_at = time.monotonic()
        self._lock = threading.Lock()

    def take(self, size: int) -> None:
        """Return when these bytes may have been read. A pause is not saved up for later."""
        if self.bytes_per_second is None:
            return
        with self._lock:
            now = time.monotonic()
            self._free_at = max(self._free_at, now) + size / self.bytes_per_second
            left = self._free_at - now
        if left > 0:
            time.sleep(left)
