"""Run a Python module as `python -m` does, tied to the supervisor's life.

    python -m orchestration.supervisor.tether FD MODULE [ARGUMENT...]

A thread waits for the end of the pipe FD. Nothing is ever written to it, so its end means that the supervisor is
gone: the session gets SIGTERM, and SIGKILL if it still lives `GRACE_SECONDS` later. No extra process, no polling, and
the same on every POSIX system (PR_SET_PDEATHSIG is Linux only and fires when the starting *thread* ends).
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time

GRACE_SECONDS = 10.0


def watch(pipe: int) -> None:
    """Block until the supervisor is gone, then end this process group."""
    while os.read(pipe, 1):
        pass
    os.killpg(0, signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os.killpg(0, signal.SIGKILL)


def main() -> None:
    """Start the watching thread and become the module."""
    pipe, module = int(sys.argv[1]), sys.argv[2]
    sys.argv[:] = sys.argv[2:]
    threading.Thread(target=watch, args=(pipe,), name="tether", daemon=True).start()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
