"""A service for tests: starts a child of its own, writes both process ids to a file, and waits.

    python -m sleeper FILE [deaf]

`deaf` ignores SIGTERM, as a hung program would.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path


def main() -> None:
    file = Path(sys.argv[1])
    if "deaf" in sys.argv:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    grandchild = subprocess.Popen(["sleep", "600"])
    draft = file.with_suffix(".draft")
    draft.write_text(f"{os.getpid()} {grandchild.pid}")
    draft.replace(file)
    grandchild.wait()


if __name__ == "__main__":
    main()
