"""What is exported passes Metabase's own validator of its YAML, and a mistake in it does not."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from dashboards.metabase.export import export_yaml
from dashboards.metabase.wanted import Item
from tests.metabase.conftest import HERE

Items = dict[str, Item]


@pytest.fixture
def validator() -> Path:
    if shutil.which("node") is None:
        pytest.skip("no Node: install version 20 or newer, then run 'make test-metabase'")
    found = HERE / "node_modules" / "@metabase" / "representations" / "dist" / "bin" / "cli.js"
    if not found.is_file():
        pytest.skip("Metabase's validator is not installed: run 'make test-metabase'")
    return found


def judged(validator: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    words = ["node", str(validator), "validate-schema", "--folder", str(folder)]
    return subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)


def test_every_exported_file_is_valid(items: Items, validator: Path, tmp_path: Path) -> None:
    files = export_yaml(items, "Flux", tmp_path)
    assert len(files) == len(set(files)) == len(items)

    done = judged(validator, tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert str(len(files)) in done.stdout


def test_the_validator_sees_a_mistake(items: Items, validator: Path, tmp_path: Path) -> None:
    [file] = [path for path in export_yaml(items, "Flux", tmp_path) if path.stem == "applications_weekly"]
    file.write_text(file.read_text().replace("display: bar", "display: barr"))
    assert judged(validator, tmp_path).returncode != 0
