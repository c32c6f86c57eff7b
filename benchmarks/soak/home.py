"""Where a soak works, and the settings of the platform in it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.process import clean_environment
from benchmarks.soak.options import Options
from demo.config import DemoConfig
from orchestration.ports import free_port
from orchestration.settings import Settings

WRITE_KEY: Final = "soak-write-key"
# What may be set from outside all the same: how it works, not where.
_DEFAULTS: Final = {
    "FLUX_BUILD_MINUTES": "3",
    "FLUX_LOG_KEEP_BYTES": str(512 << 20),
    "FLUX_BUILD_MEMORY_BYTES": str(2 << 30),
    "FLUX_ALERT_SECONDS": "30",
}


@dataclass(frozen=True, slots=True)
class Home:
    """Directories of one soak, and what all processes of the platform are told."""

    directory: Path
    settings: Settings

    @classmethod
    def make(cls, options: Options) -> Home:
        """Make the directories and choose ports that are free now."""
        directory = options.directory
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o711)  # the product's server runs as another user where we are root
        ours = {
            "FLUX_HOME": str(directory / "home"),
            "FLUX_DEMO_SCALE": str(options.scale),
            "FLUX_DEMO_SEED": str(options.seed),
            "FLUX_DEMO_END": datetime.now(UTC).date().isoformat(),
            "FLUX_DEMO_RATE": str(options.product_rate),
            "FLUX_WRITE_KEYS": f"{WRITE_KEY}:default",
        }
        for name in ("COLLECT", "DAGSTER", "SITE", "METRICS"):
            ours[f"FLUX_{name}_PORT"] = str(free_port())
        outside = {name: value for name, value in clean_environment().items() if name.startswith("FLUX_")}
        return cls(directory, Settings.read(_DEFAULTS | outside | ours))

    @property
    def config(self) -> DemoConfig:
        """The product's story."""
        settings = self.settings
        assert settings.demo_end is not None
        assert settings.demo_seed is not None
        assert settings.demo_scale is not None
        return DemoConfig(settings.demo_end, settings.demo_seed, settings.demo_scale)

    @property
    def logs(self) -> Path:
        """Logs of `flux up` and of the load."""
        return self.directory / "logs"

    @property
    def notes(self) -> Path:
        """What was sent, and what had its 200."""
        return self.directory / "notes"

    @property
    def calls(self) -> Path:
        """Patterns of calls."""
        return self.directory / "calls.jsonl"

    @property
    def url_file(self) -> Path:
        """The source's URL, for the writer: it has a password, which is on no command line."""
        return self.directory / "source-url"

    def note_url(self, url: str) -> None:
        """Write the source's URL down, for ourselves alone."""
        self.url_file.touch(mode=0o600)
        self.url_file.write_text(url, encoding="utf-8")

    def environment(self) -> dict[str, str]:
        """Environment of a command of this home. Ours has no FLUX_HOME: by that its processes are known."""
        return {**os.environ, **self.settings.environment(), "PYTHONUNBUFFERED": "1"}
