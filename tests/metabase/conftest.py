"""What the judgement of Metabase's own client shares: the client, run in a process of its own against the stand-in.

`make test-metabase` installs it (npm, into a directory that git ignores). Without Node the tests are skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.dashboards.metabase.conftest import (  # noqa: F401 - fixtures
    Deployer,
    deployer,
    few,
    flux_home,
    items,
    metabase,
    warehouse,
)
from tests.dashboards.metabase.server import API_KEY, Fake

HERE = Path(__file__).parent
Mb = Callable[..., Any]


@pytest.fixture
def mb(metabase: Fake, tmp_path: Path) -> Mb:  # noqa: F811
    """Metabase's own client: `mb("card", "get", "7")` gives what it printed. It checks the shape of each answer."""
    if shutil.which("node") is None:
        pytest.skip("no Node: install version 20 or newer, then run 'make test-metabase'")
    script = HERE / "node_modules" / "@metabase" / "cli" / "dist" / "cli.mjs"
    if not script.is_file():
        pytest.skip("Metabase's client is not installed: run 'make test-metabase'")

    def run(*words: str, body: object = None) -> Any:
        more = ["--max-bytes", "10000000", *(["--body", json.dumps(body)] if body is not None else [])]
        done = subprocess.run(
            ["node", str(script), *words, *more, "--url", metabase.url, "--api-key", API_KEY, "--json", "--full"],
            capture_output=True,
            text=True,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    return run
