"""A dataset is what was known at one time, whole, immutable and the same each time it is asked for."""

import json
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

import training
from tests.training.examples import CUT, SPEC, DuckDB, warehouse
from training import AsOfError, BuildError, DatasetSpec, Origin, SpecError, build_dataset, parse_spec

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)


def tree(directory: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_ino) for path in directory.rglob("*")}


def test_same_question_gives_same_bytes_whatever_the_threads_and_batches(spec: DatasetSpec, tmp_path: Path) -> None:
    with warehouse(threads=1, pieces=2048) as one, warehouse(threads=4, pieces=7) as four:
        first = build_dataset(one, spec, out=tmp_path / "a", cut=CUT)
        second = build_dataset(four, spec, out=tmp_path / "b", cut=CUT)

    assert second.id == first.id
    assert second.logical_hash == first.logical_hash
    files_first, files_second = (training.open(report.directory).manifest.files for report in (first, second))
    assert {k: v for k, v in files_second.items() if k != "CARD.md"} == {
        k: v for k, v in files_first.items() if k != "CARD.md"
    }


class Whole:
    """A connection that cannot stream."""

    def __init__(self, connection: DuckDB) -> None:
        self.arrow = connection.arrow


def test_connection_that_cannot_stream_gives_the_same_bytes(
    connection: DuckDB, spec: DatasetSpec, tmp_path: Path
) -> None:
    streamed = build_dataset(connection, spec, out=tmp_path / "a", cut=CUT)
    whole = build_dataset(Whole(connection), spec, out=tmp_path / "b", cut=CUT)

    part = "train/part-00000.parquet"
    assert whole.id == streamed.id
    assert (whole.directory / part).read_bytes() == (streamed.directory / part).read_bytes()


def test_row_order_in_the_warehouse_does_not_matter(connection: DuckDB, spec: DatasetSpec, tmp_path: Path) -> None:
    first = build_dataset(connection, spec, out=tmp_path / "a", cut=CUT)
    connection.raw.execute("create or replace table ml.examples as select * from ml.examples order by hash(example_id)")

    second = build_dataset(connection, spec, out=tmp_path / "b", cut=CUT)

    assert second.id == first.id


def test_one_changed_value_changes_the_id(connection: DuckDB, spec: DatasetSpec, out: Path) -> None:
    first = build_dataset(connection, spec, out=out, cut=CUT)
    connection.raw.execute("update ml.examples set member_level = member_level + 1 where example_id = 500")

    second = build_dataset(connection, spec, out=out, cut=CUT)

    assert second.id != first.id
    assert {entry.id for entry in training.entries(out)} == {first.id, second.id}


def test_second_run_changes_nothing_on_disk(connection: DuckDB, spec: DatasetSpec, out: Path) -> None:
    first = build_dataset(connection, spec, out=out, cut=CUT)
    before = tree(first.directory)

    second = build_dataset(connection, spec, out=out, cut=CUT)

    assert (first.created, second.created) == (True, False)
    assert second.directory == first.directory
    assert tree(first.directory) == before


def test_second_run_reports_a_file_that_was_edited_meanwhile(connection: DuckDB, spec: DatasetSpec, out: Path) -> None:
    first = build_dataset(connection, spec, out=out, cut=CUT)
    card = first.directory / "CARD.md"
    card.chmod(0o644)
    card.write_text("nothing to see here", encoding="utf-8")

    with pytest.raises(training.DatasetChangedError, match=r"CARD\.md was changed"):
        build_dataset(connection, spec, out=out, cut=CUT)


def test_dataset_is_read_only(connection: DuckDB, spec: DatasetSpec, out: Path) -> None:
    report = build_dataset(connection, spec, out=out, cut=CUT)

    writable = [
        path
        for path in (report.directory, *report.directory.rglob("*"))
        if path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)
    ]
    assert writable == []


def test_rows_at_or_after_as_of_are_left_out_and_counted(connection: DuckDB, spec: DatasetSpec, out: Path) -> None:
    report = build_dataset(connection, spec, as_of=AS_OF, out=out, cut=CUT)

    dataset = training.open(report.directory)
    last = max(dataset.arrow(split).column("shown_at").to_pylist()[-1] for split in dataset.manifest.rows)
    assert last < AS_OF
    # 59 days of 20 rows lie before; the one that is scored exactly at as_of is the first that is too late.
    assert report.exclusions["requested_at not before as_of"] == 2000 - 59 * 20
    assert sum(report.rows.values()) + sum(report.exclusions.values()) == 2000


def test_label_that_was_not_mature_as_of_then_is_null(connection: DuckDB, spec: DatasetSpec, out: Path) -> None:
    report = build_dataset(connection, spec, as_of=AS_OF, out=out, cut=CUT)

    dataset = training.open(report.directory)
    rows = pa.concat_tables([dataset.arrow(split) for split in dataset.manifest.rows]).to_pylist()
    for label, window in (("label_click_24h", timedelta(days=1)), ("label_apply_5d", timedelta(days=5))):
        immature = [row for row in rows if row["shown_at"] + window > AS_OF]
        mature = [row for row in rows if row["shown_at"] + window <= AS_OF]
        assert immature
        assert all(row[label] is None for row in immature)
        assert all(row[label] == (row["example_id"] % (6 if "click" in label else 20) == 0) for row in mature)


def test_as_of_the_past_does_not_see_what_came_later(connection: DuckDB, spec: DatasetSpec, tmp_path: Path) -> None:
    first = build_dataset(connection, spec, as_of=AS_OF, out=tmp_path / "a", cut=CUT)
    connection.raw.execute(
        "update ml.examples set member_level = 99, label_click_24h = true"
        " where requested_at >= '2026-03-01 00:00:00+00'"
    )

    second = build_dataset(connection, spec, as_of=AS_OF, out=tmp_path / "b", cut=CUT)

    assert second.id == first.id


def test_as_of_after_the_cut_is_refused_with_the_latest_answer(
    connection: DuckDB, spec: DatasetSpec, out: Path
) -> None:
    with pytest.raises(AsOfError, match=r"after the warehouse's cut 2026-04-11T00:00:00\+00:00.*or earlier"):
        build_dataset(connection, spec, as_of=CUT.at + timedelta(seconds=1), out=out, cut=CUT)
    assert not out.exists()


def test_as_of_without_a_time_zone_is_refused(connection: DuckDB, spec: DatasetSpec, out: Path) -> None:
    with pytest.raises(AsOfError, match="has no time zone"):
        build_dataset(connection, spec, as_of=datetime(2026, 3, 1), out=out, cut=CUT)


def test_no_label_is_open_when_the_next_split_begins(connection: DuckDB, spec: DatasetSpec, out: Path) -> None:
    dataset = training.open(build_dataset(connection, spec, out=out, cut=CUT).directory)

    for earlier, later in (("train", "valid"), ("valid", "test")):
        settled = max(dataset.arrow(earlier).column("shown_at").to_pylist()) + timedelta(days=5)
        assert settled <= min(dataset.arrow(later).column("requested_at").to_pylist())
    assert dataset.manifest.exclusions["in the embargo after train"] > 0


def test_entity_split_keeps_each_entity_in_one_split(connection: DuckDB, out: Path) -> None:
    document = {**SPEC, "split": {"kind": "entity", "by": "subject_key", "train": 0.6, "valid": 0.2, "test": 0.2}}
    dataset = training.open(build_dataset(connection, parse_spec(document, "x.yaml"), out=out, cut=CUT).directory)

    people = {split: set(dataset.arrow(split).column("subject_key").to_pylist()) for split in dataset.manifest.rows}
    assert all(people.values())
    assert sum(len(some) for some in people.values()) == len(set.union(*people.values())) == 97


def test_required_label_leaves_immature_rows_out(connection: DuckDB, out: Path) -> None:
    labels = [{"name": "label_apply_5d", "window": "5d", "since": "shown_at", "required": True}]
    report = build_dataset(connection, parse_spec({**SPEC, "labels": labels}, "x.yaml"), out=out, cut=CUT)

    assert report.exclusions["label label_apply_5d immature"] > 0
    assert training.open(report.directory).arrow("test").column("label_apply_5d").null_count == 0


def test_manifest_and_card_tell_the_same_figures(connection: DuckDB, spec: DatasetSpec, out: Path) -> None:
    report = build_dataset(connection, spec, out=out, cut=CUT, origin=Origin(code={"revision": "abc"}))

    manifest = json.loads((report.directory / "manifest.json").read_text(encoding="utf-8"))
    card = (report.directory / "CARD.md").read_text(encoding="utf-8")
    assert manifest["cut"] == {"epoch": 1, "lsn": 4096, "at": "2026-04-11T00:00:00+00:00"}
    assert manifest["lineage"]["code"] == {"revision": "abc"}
    assert sum(file.get("rows", 0) for file in manifest["files"].values()) == sum(report.rows.values())
    assert f"| train | {report.rows['train']:,} |" in card
    assert "unknown before the log began" in card
    clicks = manifest["splits"]["train"]["labels"]["label_click_24h"]
    assert report.base_rates["train"]["label_click_24h"] == pytest.approx(clicks["sum"] / clicks["mature"])


def test_stats_describe_each_column_of_each_split(connection: DuckDB, spec: DatasetSpec, out: Path) -> None:
    report = build_dataset(connection, spec, out=out, cut=CUT)

    stats = json.loads((report.directory / "stats.json").read_text(encoding="utf-8"))
    coverage = training.open(report.directory).arrow("train").column("skill_coverage").drop_null().to_pylist()
    assert stats["train"]["skill_coverage"]["mean"] == pytest.approx(sum(coverage) / len(coverage))
    assert stats["train"]["opportunity_kind"]["distinct"] == 3
    assert "subject_key" not in stats["train"]


def test_killed_build_leaves_nothing_that_looks_finished_and_the_next_sweeps_up(
    connection: DuckDB, spec: DatasetSpec, out: Path
) -> None:
    leftover = out / "examples" / ".building-dead" / "train"
    leftover.mkdir(parents=True)
    (leftover / "part-00000.parquet").write_bytes(b"half a file")
    assert training.entries(out) == []

    report = build_dataset(connection, spec, out=out, cut=CUT)

    assert [path.name for path in (out / "examples").iterdir() if path.is_dir()] == [report.id]


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.training.examples import CUT, SPEC, warehouse
from training import build_dataset, parse_spec

def kill(step, rows, total):
    if step == "test" and rows:
        os.kill(os.getpid(), signal.SIGKILL)

with warehouse() as connection:
    build_dataset(connection, parse_spec(SPEC, "x.yaml"), out=Path(sys.argv[1]), cut=CUT, progress=kill)
"""


def test_build_after_kill_minus_nine_ends_as_if_nothing_had_been(
    connection: DuckDB, spec: DatasetSpec, out: Path
) -> None:
    root = Path(training.__file__).parent.parent
    killed = subprocess.run([sys.executable, "-c", KILLED, str(out)], cwd=root, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert training.entries(out) == []

    report = build_dataset(connection, spec, out=out, cut=CUT)

    assert report.created
    assert [path.name for path in (out / "examples").iterdir() if path.is_dir()] == [report.id]
    assert training.open(report.directory).verify().rows == sum(report.rows.values())


class InterruptError(Exception):
    pass


def interrupt_at(step: str) -> Callable[[str, int, int], None]:
    def progress(name: str, rows: int, total: int) -> None:
        if name == step and rows:
            raise InterruptError

    return progress


def test_failed_build_leaves_no_directory(connection: DuckDB, spec: DatasetSpec, out: Path) -> None:
    with pytest.raises(InterruptError):
        build_dataset(connection, spec, out=out, cut=CUT, progress=interrupt_at("valid"))

    assert [path for path in (out / "examples").iterdir() if path.is_dir()] == []


def test_progress_counts_rows_up_to_the_total(connection: DuckDB, spec: DatasetSpec, out: Path) -> None:
    seen: list[tuple[str, int, int]] = []

    report = build_dataset(connection, spec, out=out, cut=CUT, progress=lambda *step: seen.append(step))

    assert {step: rows for step, rows, _ in seen} == dict(report.rows)
    assert all(rows <= total for _, rows, total in seen)


def test_duplicate_ids_are_refused(connection: DuckDB, spec: DatasetSpec, out: Path) -> None:
    connection.raw.execute("insert into ml.examples select * from ml.examples where example_id < 3")

    with pytest.raises(BuildError, match="2003 rows but 2000 different example_id"):
        build_dataset(connection, spec, out=out, cut=CUT)


def test_column_that_the_relation_lacks_is_named_with_the_nearest(connection: DuckDB, out: Path) -> None:
    document = {**SPEC, "features": ["skill_covrage"]}

    with pytest.raises(SpecError, match=r"ml\.examples has no column 'skill_covrage'; did you mean 'skill_coverage'"):
        build_dataset(connection, parse_spec(document, "x.yaml"), out=out, cut=CUT)


def test_list_column_is_refused_with_what_to_do(connection: DuckDB, out: Path) -> None:
    connection.raw.execute("alter table ml.examples add column embedding float[]")
    document = {**SPEC, "features": ["embedding"]}

    with pytest.raises(BuildError, match="one column for each element of a list"):
        build_dataset(connection, parse_spec(document, "x.yaml"), out=out, cut=CUT)


def test_as_of_before_anything_was_known_says_when_that_began(connection: DuckDB, spec: DatasetSpec, out: Path) -> None:
    with pytest.raises(AsOfError, match=r"nothing of ml\.examples was known as of 2025.*2026-01-01T00:02:00"):
        build_dataset(connection, spec, as_of=datetime(2025, 1, 1, tzinfo=UTC), out=out, cut=CUT)


def test_dataset_without_rows_says_where_they_went(connection: DuckDB, spec: DatasetSpec, out: Path) -> None:
    connection.raw.execute("update ml.examples set is_left_censored = true")

    with pytest.raises(BuildError, match="2000 unknown before the log began"):
        build_dataset(connection, spec, out=out, cut=CUT)


def test_empty_split_is_refused_with_what_to_change(connection: DuckDB, out: Path) -> None:
    document = {**SPEC, "split": {"train": 0.98, "valid": 0.01, "test": 0.01}}

    with pytest.raises(BuildError, match=r"split 'valid' of 'examples' is empty.*embargo of 5d.*a larger share, make"):
        build_dataset(connection, parse_spec(document, "x.yaml"), out=out, cut=CUT)
