"""What differs between two sets, which inputs of one changed, and which sets hold a person."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import training
from tests.training.examples import CUT, DuckDB, warehouse
from tests.training.logged import LABELS, LOGGED, LOGGED_SPEC
from training import Cut, Dataset, Origin, Source, SpecError, build_dataset, parse_spec
from training.compare import compare
from training.inputs import changed_inputs, changed_relation
from training.subjects import holdings

AT = datetime(2026, 4, 10, tzinfo=UTC)
ORIGIN = Origin(
    position=Cut(1, 4000, AT),
    sources=(Source("raw_app_history.members", 120, 1, 3990, AT),),
    models={"model.flux.spine": "aa", "macro.flux.pit_join": "bb"},
    code={"version": "0.1.0", "revision": "abc"},
)


@pytest.fixture
def logged() -> Iterator[DuckDB]:
    with warehouse() as duck:
        duck.raw.execute(LOGGED)
        yield duck


def pull(connection: DuckDB, out: Path, **change: Any) -> Dataset:
    spec = parse_spec({**LOGGED_SPEC, **change}, "logged.yaml")
    return training.open(build_dataset(connection, spec, out=out, cut=CUT, origin=ORIGIN).directory)


def test_a_set_does_not_differ_from_itself(logged: DuckDB, out: Path) -> None:
    dataset = pull(logged, out)

    found = compare(dataset, dataset)

    assert found.same
    assert found.rows_same == sum(dataset.manifest.rows.values())


def test_rows_columns_specification_and_rates_that_differ_are_counted(logged: DuckDB, out: Path) -> None:
    split = {"kind": "entity", "by": "subject_key", "train": 0.6, "valid": 0.2, "test": 0.2}
    first = pull(logged, out, split=split)
    logged.raw.execute("alter table ml.requests alter member_level type varchar")
    logged.raw.execute("update ml.requests set skill_coverage = 9 where request_number = 200")
    logged.raw.execute("update ml.requests set label_click_24h = true where request_number = 201")
    logged.raw.execute("delete from ml.requests where request_number = 202")
    second = pull(
        logged,
        out,
        split=split,
        features=["member_level", "skill_coverage", "request_number"],
        labels=LABELS[:2],
        relevance={"grades": {"label_click_24h": 1}},
    )

    found = compare(first, second)

    assert not found.same
    assert (found.rows_added, found.rows_removed) == (0, 5)
    assert found.columns_added == ("request_number",)
    assert found.columns_removed == ("label_advance_30d",)
    assert dict(found.columns_retyped) == {"member_level": ("int32", "string")}
    assert found.columns_changed["skill_coverage"] == 5
    assert found.spec["features.request_number"][0] is None
    assert found.base_rates["train"]["label_advance_30d"][1] is None


def test_row_that_moved_to_another_split_shows(logged: DuckDB, out: Path) -> None:
    split = {**LOGGED_SPEC["split"], "train": 0.5, "valid": 0.3}

    found = compare(pull(logged, out), pull(logged, out, split=split))

    assert found.columns_changed["(split)"] > 0
    assert found.spec["split.train"] == (0.6, 0.5)


def test_sets_of_another_grain_are_not_compared(logged: DuckDB, connection: DuckDB, out: Path) -> None:
    logged.raw.execute("create view ml.renamed as select *, example_id as row_id from ml.requests")
    other = pull(logged, out, name="other", relation="ml.renamed", id="row_id")

    with pytest.raises(SpecError, match="one row per example_id"):
        compare(pull(logged, out), other)


def test_nothing_is_named_while_nothing_changed(logged: DuckDB, out: Path) -> None:
    dataset = pull(logged, out)

    assert list(changed_inputs(dataset.manifest, ORIGIN, parse_spec(LOGGED_SPEC, "logged.yaml"))) == []
    assert list(changed_relation(logged, dataset.manifest, CUT)) == []


def test_each_changed_input_is_named(logged: DuckDB, out: Path) -> None:
    dataset = pull(logged, out)
    spec = parse_spec({**LOGGED_SPEC, "seed": 8, "labels": [{**LABELS[0], "window": "2d"}, *LABELS[1:]]}, "logged.yaml")
    now = replace(
        ORIGIN,
        position=Cut(1, 4001, AT),
        sources=(Source("raw_app_history.members", 121, 1, 3990, AT),),
        models={"model.flux.spine": "cc", "macro.flux.pit_join": "bb"},
        code={"version": "0.2.0", "revision": "abc"},
    )

    found = {(change.kind, change.name) for change in changed_inputs(dataset.manifest, now, spec)}

    assert found == {
        ("specification", "seed"),
        ("specification", "labels.label_click_24h.window"),
        ("position", "of the as-of time"),
        ("source", "raw_app_history.members"),
        ("model", "model.flux.spine"),
        ("code", "version"),
    }


@pytest.mark.parametrize(
    ("change", "name", "now"),
    [
        (
            "update ml.requests set member_level = 5 where request_number = 200",
            "ml.requests",
            "other values in member_level",
        ),
        ("delete from ml.requests where request_number = 200", "ml.requests (train)", r"\d+ rows"),
        ("alter table ml.requests drop column skill_coverage", "ml.requests", "has no column 'skill_coverage'"),
    ],
)
def test_rows_of_the_relation_that_changed_are_named(
    logged: DuckDB, out: Path, change: str, name: str, now: str
) -> None:
    dataset = pull(logged, out)
    logged.raw.execute(change)

    [found] = changed_relation(logged, dataset.manifest, CUT)

    assert (found.kind, found.name) == ("relation", name)
    assert re.search(now, found.now)


def test_sets_that_hold_a_person_are_found_and_those_that_cannot_be_asked_are_told(logged: DuckDB, out: Path) -> None:
    person = logged.arrow("select md5('member3') as key").to_pylist()[0]["key"]
    held = pull(logged, out)
    silent = pull(logged, out, name="silent", subject=None)

    found = {one.name: one for one in holdings(out, person)}

    assert found["logged"].rows == sum(
        row["subject_key"] == person for split in held.manifest.rows for row in held.arrow(split).to_pylist()
    )
    assert "names no subject" in (found["silent"].problem or "")
    training.remove(silent.directory)
    assert holdings(out, "0" * 32) == []
