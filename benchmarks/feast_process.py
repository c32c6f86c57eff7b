"""Feast's DuckDB offline store, asked for a point-in-time join: `feast_process.py DIRECTORY`, by Feast's own Python.

Reads `history.parquet` (member_id, event_timestamp, features) and `spine.parquet` (example_id, member_id,
event_timestamp) of the directory, writes `feast.parquet`, prints seconds and peak memory as JSON.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.types import Bool, Float64, Int32, Int64, String

FEATURES = {"level": Int32, "hours": Int32, "completeness": Float64, "flag": Bool, "family": String, "unit": Int64}


def main(directory: Path) -> None:
    """Join, and tell how long it took from the frame to the Arrow table."""
    (directory / "feast").mkdir(exist_ok=True)
    store = FeatureStore(
        config=RepoConfig(
            project="bench",
            provider="local",
            registry=str(directory / "feast" / "registry.db"),
            offline_store={"type": "duckdb"},
            online_store={"type": "sqlite", "path": str(directory / "feast" / "online.db")},
            entity_key_serialization_version=3,
        )
    )
    member = Entity(name="member", join_keys=["member_id"], value_type=ValueType.INT64)
    source = FileSource(path=str(directory / "history.parquet"), timestamp_field="event_timestamp")
    view = FeatureView(
        name="members",
        entities=[member],
        ttl=timedelta(0),  # no limit
        schema=[Field(name=name, dtype=kind) for name, kind in FEATURES.items()],
        source=source,
    )
    store.apply([member, view])
    frame = pd.read_parquet(directory / "spine.parquet")
    began = time.perf_counter()
    joined = store.get_historical_features(frame, [f"members:{name}" for name in FEATURES]).to_arrow()
    seconds = time.perf_counter() - began
    pq.write_table(joined, directory / "feast.parquet")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "rows": joined.num_rows, "peak_rss_mb": peak}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
