"""Third-party files are the bytes that their makers published, small enough for git, with their licences."""

from __future__ import annotations

import hashlib
from pathlib import Path

import dashboards.static.page as page

VENDOR = Path(page.__file__).parent / "vendor"


def test_vendored_files_have_their_checksums() -> None:
    listed = {}
    for line in (VENDOR / "SHA256SUMS").read_text(encoding="utf-8").splitlines():
        checksum, name = line.split("  ", 1)
        listed[name] = checksum
    found = {
        str(path.relative_to(VENDOR)): hashlib.sha256(path.read_bytes()).hexdigest() for path in VENDOR.glob("*/*")
    }
    assert found == listed


def test_vendored_files_are_small_and_licensed() -> None:
    for path in VENDOR.glob("*/*"):
        assert path.stat().st_size < 1_000_000
    assert "Apache License" in (VENDOR / "echarts" / "LICENSE").read_text(encoding="utf-8")
    assert "Apache ECharts" in (VENDOR / "echarts" / "NOTICE").read_text(encoding="utf-8")
    assert "SIL Open Font License" in (VENDOR / "inter" / "LICENSE").read_text(encoding="utf-8")


def test_inlined_scripts_cannot_end_their_element() -> None:
    for path in (*VENDOR.glob("echarts/*.js"), VENDOR.parent / "page.js"):
        assert "</script" not in path.read_text(encoding="utf-8").lower()
