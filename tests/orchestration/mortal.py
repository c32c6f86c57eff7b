"""A task for tests: the first time it is killed in the middle of a line, the second time it ends well.

python -m mortal FILE
"""

import os
import signal
import sys
from pathlib import Path


def main() -> None:
    file = Path(sys.argv[1])
    print("begun", flush=True)
    if not file.exists():
        file.touch()
        print("do", end="", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    print("done", flush=True)


if __name__ == "__main__":
    main()
