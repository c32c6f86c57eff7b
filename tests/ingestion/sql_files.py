"""SQL files that are shipped for psql, run as their readers run them."""

import subprocess
from pathlib import Path

from demo.placement import packaged_binaries

_INGESTION = Path(__file__).parents[2] / "ingestion"
SOURCE_GRANTS = _INGESTION / "postgres" / "grants"
WAREHOUSE_GRANTS = _INGESTION / "warehouse" / "postgres" / "grants"


def run_file(file: Path, url: str, **variables: str) -> None:
    """Run a file with psql's variables set."""
    given = [f"--set={name}={value}" for name, value in variables.items()]
    command = [str(packaged_binaries() / "psql"), "--no-psqlrc", "--quiet", *given, "--file", str(file), url]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
