"""sources.toml on disk: read at the start, and again whenever it changes, so that keys rotate without a restart."""

import logging
from pathlib import Path

from ingestion.errors import CollectorError
from ingestion.events.collector.write_keys import parse_sources

logger = logging.getLogger(__name__)


class SourcesFile:
    """Watches the file. Reading it again never raises: what cannot be read leaves the keys as they were."""

    def __init__(self, path: Path) -> None:
        """Raises FileNotFoundError, or CollectorError when the file is not one."""
        self._path = path
        self._seen = _mark(path)
        self.sources = parse_sources(path.read_text())

    def changed(self) -> bool:
        """Look at the file; whether `sources` are others now."""
        mark = _mark(self._path)
        if mark == self._seen:
            return False
        self._seen = mark
        try:
            self.sources = parse_sources(self._path.read_text())
        except (OSError, UnicodeDecodeError, CollectorError) as error:
            logger.error("sources.toml cannot be read, the write keys stay as they were: %s", error)
            return False
        logger.info("sources.toml was read again keys=%s", len(self.sources.by_key))
        return True


def _mark(path: Path) -> tuple[int, int, int] | None:
    """Return what changes with a file's contents; None when it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
