"""How much a collector takes, and how long it waits: what one client, or all of them, can ask of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one collector. Memory is about 50 MB, and once each what `reading_bytes` and `buffer_bytes` say."""

    body_bytes: int = 8 << 20
    """Largest body, as it comes and unpacked. Segment says 500 KB; its Node SDK 3.1 sends batches of 3 MB."""
    head_bytes: int = 32 << 10
    """Request line and headers together."""
    head_seconds: float = 10.0
    """From the first byte of a request (or the connection's beginning) to the end of its headers."""
    body_seconds: float = 30.0
    """From there to the end of its body."""
    idle_seconds: int = 75
    """A connection without a request; longer than the load balancers' 60 s, so that they close first."""
    connections: int = 1_000
    """Open at once; as many again are told to come later, and what is beyond is cut."""
    reading_bytes: int = 32 << 20
    """Bodies that are on their way in, all connections together."""
    buffer_bytes: int = 32 << 20
    """Records that wait for the disk."""
    free_bytes: int = 1 << 30
    """Disk space that must be left: below it, events are refused before the disk is full."""
    requests_per_second: float | None = None
    """Of one write key; None: as many as the disk takes."""
    unknown_bytes_per_second: float = 64 << 10
    """Records of all unknown write keys together, where these are taken (into quarantine, where they stay)."""
