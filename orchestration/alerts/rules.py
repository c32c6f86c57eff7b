"""What can be wrong: every rule by name. The one list behind `flux doctor`, the alerts and the runbook's headings.

A rule `slot_lost` is the heading `Slot lost` of docs/runbook.md; a test keeps both equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Part = Literal["setup", "source", "log", "warehouse", "events", "services", "models"]
Reach = Literal["tables", "events", "all", "subject", "nothing"]

PLATFORM: Final = "data-platform"
PRODUCT: Final = "product-database"
ANALYTICS: Final = "analytics"
MACHINE_LEARNING: Final = "machine-learning"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: the part that it looks at, who owns what it finds, and what hangs on that.

    `reach` says whether that is all that stems from the replicated tables or from the events, all models, what stems
    from the `subject` (a table, a model), or nothing. `is_alert` is False where nobody needs to be told.
    """

    name: str
    part: Part
    owner: str
    reach: Reach
    is_alert: bool = True

    @property
    def title(self) -> str:
        """Give its name in words, which is its heading in the runbook."""
        return self.name.replace("_", " ").capitalize().replace("Wal ", "WAL ")

    @property
    def anchor(self) -> str:
        """Give its place in the runbook."""
        return self.name.replace("_", "-")


RULES: Final = {
    rule.name: rule
    for rule in (
        Rule("setting_wrong", "setup", PLATFORM, "all"),
        Rule("version_unsupported", "setup", PLATFORM, "all"),
        Rule("look_failed", "setup", PLATFORM, "nothing"),
        Rule("source_unreachable", "source", PRODUCT, "tables"),
        Rule("source_unfit", "source", PRODUCT, "tables"),
        Rule("wal_level_wrong", "source", PRODUCT, "tables"),
        Rule("privilege_missing", "source", PRODUCT, "tables"),
        Rule("publication_missing", "source", PRODUCT, "tables"),
        Rule("slot_dropped", "source", PLATFORM, "tables"),
        Rule("slot_lost", "source", PLATFORM, "tables"),
        Rule("slot_inactive", "source", PLATFORM, "tables"),
        Rule("slot_growing", "source", PLATFORM, "tables"),
        Rule("wal_budget_reached", "source", PLATFORM, "tables"),
        Rule("source_risky", "source", PRODUCT, "tables"),
        Rule("transaction_long", "source", PRODUCT, "nothing"),
        Rule("clock_jumped", "source", PLATFORM, "nothing"),
        Rule("table_not_replicated", "source", PRODUCT, "subject"),
        Rule("log_missing", "log", PLATFORM, "nothing", is_alert=False),
        Rule("log_disk_full", "log", PLATFORM, "all"),
        Rule("log_read_only", "log", PLATFORM, "all"),
        Rule("log_corrupt", "log", PLATFORM, "all"),
        Rule("log_open_to_others", "log", PLATFORM, "nothing"),
        Rule("log_too_large", "log", PLATFORM, "nothing"),
        Rule("capture_behind", "log", PLATFORM, "tables"),
        Rule("replay_impossible", "log", PLATFORM, "nothing", is_alert=False),
        Rule("warehouse_empty", "warehouse", PLATFORM, "nothing", is_alert=False),
        Rule("warehouse_corrupt", "warehouse", PLATFORM, "all"),
        Rule("warehouse_unreachable", "warehouse", PLATFORM, "all"),
        Rule("warehouse_locked", "warehouse", PLATFORM, "all"),
        Rule("warehouse_behind", "warehouse", PLATFORM, "all"),
        Rule("warehouse_disk_full", "warehouse", PLATFORM, "all"),
        Rule("disk_filling", "warehouse", PLATFORM, "nothing"),
        Rule("position_mismatch", "warehouse", PLATFORM, "all"),
        Rule("table_inexact", "warehouse", PLATFORM, "subject"),
        Rule("table_dropped", "warehouse", PRODUCT, "subject"),
        Rule("schema_changed", "warehouse", ANALYTICS, "subject"),
        Rule("table_copying", "warehouse", PLATFORM, "subject", is_alert=False),
        Rule("quarantine_growing", "events", PLATFORM, "nothing"),
        Rule("events_unbalanced", "events", PLATFORM, "events"),
        Rule("write_key_unknown", "events", PLATFORM, "events"),
        Rule("tracking_plan_invalid", "events", ANALYTICS, "events"),
        Rule("capture_down", "services", PLATFORM, "tables"),
        Rule("collector_down", "services", PLATFORM, "events"),
        Rule("loader_down", "services", PLATFORM, "all"),
        Rule("dagster_daemon_dead", "services", PLATFORM, "all"),
        Rule("run_failed", "services", PLATFORM, "all"),
        Rule("model_failing", "models", ANALYTICS, "subject"),
        Rule("test_failing", "models", ANALYTICS, "subject"),
        Rule("promise_broken", "models", ANALYTICS, "subject"),
        Rule("checks_broken", "models", PLATFORM, "all"),
        Rule("check_failing", "models", PLATFORM, "subject"),
        Rule("mart_stale", "models", PLATFORM, "all"),
        Rule("training_stale", "models", MACHINE_LEARNING, "subject"),
        Rule("card_failing", "models", ANALYTICS, "nothing"),
    )
}
