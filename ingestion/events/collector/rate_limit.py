"""How many requests each write key may make: a bucket a key, which fills steadily and holds one second's worth."""

import math
import time
from collections.abc import Callable


class RateLimit:
    """Counts requests by key. Keys are those that were configured, so their number is bounded."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, key: str, per_second: float) -> int:
        """Take one request of a key. Returns 0, or the whole seconds after which there is room for it."""
        now = self._clock()
        most = max(1.0, per_second)
        left, then = self._buckets.get(key, (most, now))
        left = min(most, left + (now - then) * per_second)
        if left < 1.0:
            self._buckets[key] = (left, now)
            return max(1, math.ceil((1.0 - left) / per_second))
        self._buckets[key] = (left - 1.0, now)
        return 0
