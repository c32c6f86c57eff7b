"""Log sequence numbers: 64-bit positions in the write-ahead log, written by people as `16/B374D848`."""

from typing import NewType

Lsn = NewType("Lsn", int)


def parse_lsn(text: str) -> Lsn:
    """Read `high/low` in hexadecimal. Raises ValueError on anything else."""
    high, low = text.split("/")
    return Lsn(int(high, 16) << 32 | int(low, 16))


def format_lsn(lsn: int) -> str:
    """Write an LSN as Postgres does."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"
