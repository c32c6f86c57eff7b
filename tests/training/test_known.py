"""A set as of a past day is what somebody would have pulled on that day, whenever it is pulled."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import training
from tests.training.examples import CUT, DuckDB, warehouse
from tests.training.logged import LOGGED, LOGGED_SPEC
from training import Dataset, SpecError, build_dataset, parse_spec

AS_OF = datetime(2026, 3, 20, tzinfo=UTC)
WINDOWS = {"label_click_24h": 1, "label_apply_14d": 14, "label_advance_30d": 30}


@pytest.fixture
def logged() -> Iterator[DuckDB]:
    with warehouse() as duck:
        duck.raw.execute(LOGGED)
        yield duck


def pull(connection: DuckDB, out: Path, as_of: datetime | None = AS_OF, **change: Any) -> Dataset:
    spec = parse_spec({**LOGGED_SPEC, **change}, "logged.yaml")
    return training.open(build_dataset(connection, spec, as_of=as_of, out=out, cut=CUT).directory)


def rows_of(dataset: Dataset, *splits: str) -> list[dict[str, Any]]:
    tables = [dataset.arrow(split) for split in splits or dataset.manifest.rows]
    found: list[dict[str, Any]] = pa.concat_tables(tables).to_pylist()
    return found


def relation(connection: DuckDB) -> dict[int, dict[str, Any]]:
    return {row["example_id"]: row for row in connection.arrow("select * from ml.requests").to_pylist()}


def end_of(dataset: Dataset, split: str) -> datetime:
    bounds = dataset.manifest.bounds
    assert bounds is not None
    return {"train": bounds[0], "valid": bounds[1]}.get(split, AS_OF)


def test_label_is_null_until_its_window_passed_and_false_until_its_fact_was_known(logged: DuckDB, out: Path) -> None:
    dataset = pull(logged, out)
    facts = relation(logged)
    late = 0
    for split in dataset.manifest.rows:
        known_by = end_of(dataset, split)
        for row in rows_of(dataset, split):
            fact = facts[row["example_id"]]
            for label, days in WINDOWS.items():
                known = fact[label.removeprefix("label_") + "_known_at"]
                mature = fact["anchored_at"] + timedelta(days) <= known_by
                assert row[label] == ((known is not None and known < known_by) if mature else None)
                late += mature and known is not None and known >= known_by
    assert late  # the set has clicks that came late


def test_relevance_is_the_highest_grade_known_then(logged: DuckDB, out: Path) -> None:
    grades = {"label_advance_30d": 4, "label_apply_14d": 3, "label_click_24h": 1}
    found = set()
    for row in rows_of(pull(logged, out)):
        true = [grade for label, grade in grades.items() if row[label]]
        immature = any(row[label] is None for label in grades)
        assert row["relevance"] == (None if immature else max(true, default=0))
        found.add(row["relevance"])
    assert found == {None, 0, 1, 3, 4}


def test_relevance_is_unknown_where_a_higher_grade_cannot_be_told(logged: DuckDB, out: Path) -> None:
    logged.raw.execute("update ml.requests set label_apply_14d = null")

    for row in rows_of(pull(logged, out)):
        if row["label_advance_30d"] is not None:
            assert row["relevance"] == (4 if row["label_advance_30d"] else None)


def test_outcomes_are_hidden_like_labels(logged: DuckDB, out: Path) -> None:
    dataset = pull(logged, out)
    facts = relation(logged)
    for row in rows_of(dataset, "test"):
        fact = facts[row["example_id"]]
        if fact["anchored_at"] + timedelta(14) > AS_OF:
            assert (row["is_apply_attributed"], row["negative_kind"]) == (None, None)
        else:
            known = fact["apply_14d_known_at"]
            assert row["is_apply_attributed"] == (fact["is_apply_attributed"] and known < AS_OF)
            assert row["negative_kind"] == fact["negative_kind"]
    assert dataset.labels == (*WINDOWS, "relevance")


def test_facts_of_later_days_change_nothing(logged: DuckDB, tmp_path: Path) -> None:
    first = pull(logged, tmp_path / "a")
    logged.raw.execute(
        "update ml.requests set label_click_24h = true, click_24h_known_at = timestamptz '2026-03-20 00:00:00+00'"
        " where not label_click_24h;"
        "insert into ml.requests select * replace (example_id + 1000000 as example_id,"
        " timestamptz '2026-03-20 00:00:00+00' as known_at) from ml.requests"
    )

    assert pull(logged, tmp_path / "b").manifest.id == first.manifest.id


def test_negatives_are_as_many_as_asked_for_and_the_same_again(logged: DuckDB, tmp_path: Path) -> None:
    dataset = pull(logged, tmp_path / "a")
    numbers: dict[tuple[str, str], int] = {}
    for row in rows_of(dataset):
        key = row["request_id"], row["example_kind"]
        numbers[key] = numbers.get(key, 0) + 1
        assert row["sampling_probability"] == (None if row["example_kind"] == "impression" else 0.125)

    assert {
        kind: {n for (_, one), n in numbers.items() if one == kind} for kind in dict(LOGGED_SPEC["negatives"]["keep"])
    } == {
        "impression": {2},
        "sampled_eligible": {2},
        "popularity": {1},
    }
    assert dataset.manifest.exclusions["more than 2 sampled_eligible for each request_id"] > 0
    other = pull(logged, tmp_path / "b", seed=8)
    assert {row["example_id"] for row in rows_of(other)} != {row["example_id"] for row in rows_of(dataset)}


def test_kinds_that_are_not_named_are_left_out(logged: DuckDB, out: Path) -> None:
    dataset = pull(logged, out, negatives={"column": "example_kind", "keep": {"impression": "all"}})

    assert {row["example_kind"] for row in rows_of(dataset)} == {"impression"}
    assert dataset.manifest.exclusions["example_kind not kept"] > 0


def test_rows_before_the_log_and_in_gaps_come_by_choice_only(logged: DuckDB, tmp_path: Path) -> None:
    strict = pull(logged, tmp_path / "a")
    open_ = pull(logged, tmp_path / "b", before_log="events", history_gaps="flag")

    assert not any(row["is_before_log"] or row["is_in_history_gap"] for row in rows_of(strict))
    assert strict.manifest.exclusions["before the log began"] == 8 * 8
    assert strict.manifest.exclusions["in a gap of the history"] == 4 * 8
    assert {row["is_before_log"] for row in rows_of(open_)} == {True, False}
    assert any(row["is_in_history_gap"] for row in rows_of(open_))


def test_held_out_clients_are_tested_on_and_never_learned_from(logged: DuckDB, out: Path) -> None:
    dataset = pull(logged, out)

    assert not any(row["is_client_holdout"] for row in rows_of(dataset, "train", "valid"))
    assert any(row["is_client_holdout"] for row in rows_of(dataset, "test"))
    assert dataset.manifest.exclusions["held out of train"] > 0


def test_people_whom_the_models_withheld_are_counted(logged: DuckDB, out: Path) -> None:
    withheld = pull(logged, out).manifest.document["withheld"]

    assert withheld == {
        "consent withdrawn": {"rows": 20, "subjects": 2},
        "erasure requested": {"rows": 10, "subjects": 1},
    }


def test_label_with_a_time_of_knowledge_must_be_a_boolean(logged: DuckDB, out: Path) -> None:
    logged.raw.execute("alter table ml.requests alter label_click_24h type integer")

    with pytest.raises(SpecError, match=r"label_click_24h has type int32; it must be a boolean"):
        pull(logged, out)
