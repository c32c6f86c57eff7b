"""How much each key may bring: a bucket a key, which fills steadily and holds one second's worth."""

import math
import time
from collections.abc import Callable


class RateLimit:
    """Counts requests, or their bytes, by key. Keys are those that were configured, so their number is bounded."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, key: str, per_second: float, much: float = 1.0) -> int:
        """Take so much of a key's. Returns 0, or the whole seconds after which there is room for it.

        What is more than a bucket holds needs a full one, and leaves a debt.
        """
        now = self._clock()
        most = max(1.0, per_second)
        left, then = self._buckets.get(key, (most, now))
        left = min(most, left + (now - then) * per_second)
        lacking = min(much, most) - left
        if lacking > 0:
            self._buckets[key] = (left, now)
            return max(1, math.ceil(lacking / per_second))
        self._buckets[key] = (left - much, now)
        return 0
