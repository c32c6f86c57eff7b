"""Secrets out of files: what containers and systemd hand over, so that no URL stands in an environment for all to see.

A setting that is a secret, FLUX_SOURCE_URL for instance, may stand in a file that FLUX_SOURCE_URL_FILE names. The file
is read once, at the start; where both are set the file counts, since a child of ours gets the value beside the name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from orchestration.errors import SettingError

SUFFIX: Final = "_FILE"


def with_files(environment: Mapping[str, str], secrets: Collection[str]) -> dict[str, str]:
    """Give the environment with the content of the files that `<secret>_FILE` name in the place of these names.

    Raises SettingError for a file that cannot be read, or is empty.
    """
    found = dict(environment)
    for name in secrets:
        path = found.pop(name + SUFFIX, "")
        if path:
            found[name] = _content(name + SUFFIX, Path(path))
    return found


def _content(name: str, path: Path) -> str:
    try:
        text = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise SettingError(
            f"{name} names {str(path)!r}, which cannot be read ({why}); correct it, or its mode"
        ) from None
    if not text:
        raise SettingError(f"{name} names {str(path)!r}, which is empty; write the secret into it")
    return text
