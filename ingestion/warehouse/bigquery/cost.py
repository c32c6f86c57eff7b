"""What jobs cost, as the service tells: bytes that they read and are billed for, and slots' time."""

from dataclasses import dataclass


@dataclass(slots=True)
class Cost:
    """A sum over jobs. An emulator tells nothing: all is 0 there but the number of jobs."""

    jobs: int = 0
    bytes_processed: int = 0
    bytes_billed: int = 0
    slot_ms: int = 0

    def add(self, processed: int | None, billed: int | None, slot_ms: int | None) -> None:
        """Add one job's."""
        self.jobs += 1
        self.bytes_processed += processed or 0
        self.bytes_billed += billed or 0
        self.slot_ms += slot_ms or 0

    def take(self) -> "Cost":
        """Give the sum, and begin anew."""
        taken = Cost(self.jobs, self.bytes_processed, self.bytes_billed, self.slot_ms)
        self.jobs = self.bytes_processed = self.bytes_billed = self.slot_ms = 0
        return taken
