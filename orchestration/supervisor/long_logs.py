"""Set long text logs aside while their processes write on: a service may live for months.

Its process appends, so the file may be emptied under it. What it writes between the copy and that is lost: a line, as a
rule, of sixteen megabytes.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from orchestration.supervisor import child


def set_aside(directory: Path) -> None:
    """Make NAME.log.1 of each log that is too long, in place of an older one. A full disk leaves all as it was."""
    for log in directory.glob("*.log"):
        with suppress(OSError):
            if log.stat().st_size > child.LOG_BYTES:
                shutil.copyfile(log, log.with_suffix(".log.1"))
                os.truncate(log, 0)
