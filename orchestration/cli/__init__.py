"""The `flux` command line.

`flux --help` answers in a fraction of a second: commands are looked up in a table of names and imported when they
run, and a command imports heavy libraries (dagster, dbt, duckdb) only inside its body.

Exit codes: 0 done; 1 failed, with one line that says what and how to mend it; 2 wrong usage; 3 a table is inexact
(`flux replicate`); 130 interrupted.
"""

from __future__ import annotations

from orchestration.cli.main import main

__all__ = ["main"]
