"""Back up what cannot be made again: log, warehouse, Dagster's storage, training sets, keys; and restore it.

A backup is a directory: files, and `manifest.json` with the SHA-256 of each, which is written last. What is derived
(published copy, sites, dbt's target) is left out; a build makes it again.
"""

from orchestration.backup.making import back_up
from orchestration.backup.manifest import Manifest
from orchestration.backup.restoring import check, restore

__all__ = ["Manifest", "back_up", "check", "restore"]
