"""The clockwork: Dagster definitions, settings and the `flux` command line. Wires the rooms, holds no logic of its own.

This first file must run on any Python 3, however old, so that an old one gets a sentence and not a SyntaxError.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 (whoever runs us from a checkout may have any)
    raise SystemExit(
        f"error: Flux needs Python 3.11 or newer, this is {sys.version.split()[0]} at {sys.executable};"
        " run: make install PYTHON=/path/to/python3.11"
    )
