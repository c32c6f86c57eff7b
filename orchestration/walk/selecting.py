"""What leaves the source: the selection file and the key of its hashes, read as the settings name them."""

from __future__ import annotations

from ingestion.selection.hash_key import HashKey
from ingestion.selection.reader import read_selection
from ingestion.selection.rules import Selection
from orchestration.errors import SettingError
from orchestration.settings import Settings


def selection(settings: Settings) -> Selection:
    """Read the selection. Raises SelectionError, and SettingError for a file of the key that cannot be read."""
    if settings.selection is None:
        return Selection()
    return read_selection(settings.selection, hash_key(settings))


def hash_key(settings: Settings) -> HashKey | None:
    """Read the key; None where none is set. Line ends around it are not part of it."""
    if settings.hash_key is not None:
        return HashKey(settings.hash_key.encode())
    if settings.hash_key_file is None:
        return None
    try:
        return HashKey(settings.hash_key_file.read_bytes().strip())
    except OSError as error:
        raise SettingError(
            f"FLUX_HASH_KEY_FILE names {str(settings.hash_key_file)!r}, which cannot be read ({error.strerror})"
        ) from error
