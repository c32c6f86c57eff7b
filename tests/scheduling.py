"""Which process of `pytest -n 2` runs which file of tests: the longest first, so that none is left with one at the end.

A list that is out of date costs time and nothing else.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final

import pytest
from xdist.scheduler import LoadFileScheduling

# These share a warehouse on a Postgres server, of which each process has its own: one of them builds it.
ON_POSTGRES: Final = (
    "tests/models/test_both_warehouses.py",
    "tests/models/test_bias_audit.py",
    "tests/models/test_both_landings.py",
    "tests/models/test_both_windows.py",
    "tests/models/test_outgoing.py",
    "tests/models/test_restricted.py",
    "tests/models/test_sites.py",
    "tests/models/test_statistics.py",
    "tests/models/test_tenants.py",
)
# These look at Dagster's graph of everything, which each process makes in some ten seconds.
OF_THE_GRAPH: Final = (
    "tests/orchestration/test_automation.py",
    "tests/orchestration/test_dataset_partitions.py",
    "tests/orchestration/test_graph.py",
)
TOGETHER: Final = {file: files[0] for files in (ON_POSTGRES, OF_THE_GRAPH) for file in files}
# Seconds, about (2026-11, two processes on two cores). While one of them reads the models' files, which all others of
# these wait for, the other begins with what needs no models. What is not here has fewer than ten.
LONGEST: Final = {
    "tests/models/test_kept_facts.py": 120,
    "tests/ingestion/test_gaps.py": 110,
    ON_POSTGRES[0]: 100,
    "tests/training/gate/test_histories.py": 50,
    "tests/models/test_identity.py": 40,
    "tests/ingestion/test_odd_shapes.py": 35,
    "tests/models/test_mutations.py": 35,  # or whichever asks first for the untidy product's warehouse
    "tests/models/test_docs.py": 30,
    "tests/dialects/test_compiled.py": 25,
    "tests/events/test_fuzz.py": 25,
    "tests/events/test_preparing.py": 25,
    "tests/ingestion/test_drift.py": 25,
    "tests/dashboards/metabase/test_adopt.py": 20,
    "tests/models/test_match_set_refresh.py": 20,
    "tests/models/test_training_sets.py": 20,
    "tests/ingestion/test_copy_parts.py": 15,
    "tests/ingestion/test_crash.py": 15,
    "tests/events/test_under_fire.py": 10,
    "tests/models/test_documents.py": 10,
    "tests/models/test_planted_bias.py": 10,
    "tests/models/test_training_document.py": 10,
    "tests/models/test_web_sessions.py": 10,
}


class LongestFirst(LoadFileScheduling):  # type: ignore[misc]  # xdist ships no types
    """Whole files to processes; those of LONGEST first, then those with the most tests."""

    def __init__(self, config: pytest.Config, log: Any = None) -> None:  # Any: xdist ships no types
        super().__init__(config, log)
        self.workqueue = _Queue()

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return TOGETHER.get(file, file)


class _Queue(OrderedDict[str, dict[str, bool]]):
    """The files that wait; the next one is the longest of them."""

    def popitem(self, last: bool = True) -> tuple[str, dict[str, bool]]:
        file = max(self, key=lambda one: (LONGEST.get(one, 0), len(self[one])))
        return file, self.pop(file)
