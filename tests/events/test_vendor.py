"""A vendor's files land in raw_<vendor>: upsert by key, one transaction a file, the same file twice is a no-op."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from ingestion.errors import ImportedFileError
from ingestion.load import vendor
from ingestion.load.vendor import ImportedObjects, import_objects
from ingestion.load.vendor_mapping import parse_mapping
from ingestion.warehouse.destination import Destination
from tests.events.test_load import ask

MAPPING = """
vendor: greenhouse
object: candidates
key: candidate_id
columns:
  candidate_id: {from: Candidate ID, type: integer}
  stage: {from: Stage, type: text}
  score: {from: Score, type: number}
  applied_on: {from: Applied, type: date}
  seen_at: {from: Seen, type: timestamp}
  remote: {from: Remote, type: boolean}
  tags: {from: Tags, type: json}
"""
HEADER = "Candidate ID,Stage,Score,Applied,Seen,Remote,Tags,Secret\n"
FIRST = HEADER + ('1,"Phone, screen",4.5,2026-11-01,2026-11-01T10:00:00+02:00,true,"[""a""]",x\n2,,,,,,,y\n')
SECOND = HEADER + "2,Offer,,,,,,y\n3,New,1,2026-11-02,,false,{},z\n"


def bring(
    destination: Destination, file: Path, text: str | bytes, mapping: str = MAPPING, **options: Any
) -> ImportedObjects:
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return import_objects(destination, file, parse_mapping(mapping), **options)


def counts(done: ImportedObjects) -> tuple[int, int, int, int]:
    return done.rows, done.inserted, done.updated, done.deleted


def test_a_csv_is_upserted_by_its_key_with_the_mapped_types(tmp_path: Path, destination: Destination) -> None:
    destination.machinery.session.execute("set timezone = 'UTC'")
    assert counts(bring(destination, tmp_path / "a.csv", FIRST)) == (2, 2, 0, 0)
    rows = ask(
        destination,
        "select candidate_id, stage, score, applied_on::varchar, seen_at::varchar, remote, tags::varchar, _file "
        "from raw_greenhouse.candidates order by 1",
    )
    assert [(*row[:3], row[3], str(row[4])[:19] if row[4] else None, *row[5:]) for row in rows] == [
        (1, "Phone, screen", 4.5, "2026-11-01", "2026-11-01 08:00:00", True, '["a"]', "a.csv"),
        (2, None, None, None, None, None, None, "a.csv"),
    ]
    assert counts(bring(destination, tmp_path / "b.csv", SECOND)) == (2, 1, 1, 0)
    assert ask(destination, "select candidate_id, stage, _file from raw_greenhouse.candidates order by 1") == [
        (1, "Phone, screen", "a.csv"), (2, "Offer", "b.csv"), (3, "New", "b.csv"),
    ]  # fmt: skip


def test_the_same_file_twice_is_a_no_op_under_any_name(tmp_path: Path, destination: Destination) -> None:
    bring(destination, tmp_path / "a.csv", FIRST)
    bring(destination, tmp_path / "b.csv", SECOND)
    assert bring(destination, tmp_path / "c.csv", FIRST).known
    assert ask(destination, "select stage from raw_greenhouse.candidates where candidate_id = 2") == [("Offer",)]
    assert counts(bring(destination, tmp_path / "c.csv", FIRST, again=True)) == (2, 0, 1, 0)
    assert ask(destination, "select count(*), sum(inserted) from _flux.vendor_files") == [(3, 3)]


def test_json_lines_and_arrays_gzipped_too_give_the_same_rows(tmp_path: Path, destination: Destination) -> None:
    objects = [
        {"Candidate ID": 1, "Stage": "New", "Score": 4.5, "Applied": "2026-11-01", "Remote": True, "Tags": {"a": [1]}},
        {"Candidate ID": 2, "Stage": None, "Tags": None, "Unknown": {"deep": 1}},
    ]
    lines = "\n".join(map(json.dumps, objects)).encode()
    assert counts(bring(destination, tmp_path / "a.ndjson.gz", gzip.compress(lines))) == (2, 2, 0, 0)
    query = "select score, remote, tags::varchar from raw_greenhouse.candidates order by candidate_id"
    assert ask(destination, query) == [
        (4.5, True, '{"a":[1]}'), (None, None, None),
    ]  # fmt: skip
    assert counts(bring(destination, tmp_path / "a.json", json.dumps(objects))) == (2, 0, 0, 0)


def test_what_a_full_export_lacks_is_marked_as_deleted_until_it_comes_back(
    tmp_path: Path, destination: Destination
) -> None:
    whole = MAPPING + "absent: deleted\n"
    bring(destination, tmp_path / "a.csv", FIRST, whole)
    assert counts(bring(destination, tmp_path / "b.csv", SECOND, whole)) == (2, 1, 1, 1)
    alive = "select candidate_id from raw_greenhouse.candidates where _deleted_at is null order by 1"
    assert ask(destination, alive) == [(2,), (3,)]
    assert counts(bring(destination, tmp_path / "c.csv", FIRST + "3,New,1,2026-11-02,,false,{},z\n", whole)) == (
        3,
        0,
        2,
        0,
    )
    assert ask(destination, alive) == [(1,), (2,), (3,)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER + "1,,high,,,,,\n2,,low,,,,,\n", "column 'score' is not number in 2 rows, the first of which are 1, 2"),
        (HEADER + ",New,,,,,,\n", "column 'candidate_id' is not integer in 1 rows"),
        (HEADER + "1,,,,,,[,\n", "column 'tags' is not json in 1 rows"),
        (HEADER + "1,a,,,,,,\n1,b,,,,,,\n", "has 2 rows and 1 keys"),
        ("Candidate ID,Stage\n1,a\n", "lacks 'Score', 'Applied'"),
    ],
)
def test_a_file_that_is_not_what_its_mapping_says_changes_nothing(
    tmp_path: Path, destination: Destination, text: str, message: str
) -> None:
    bring(destination, tmp_path / "a.csv", FIRST)
    with pytest.raises(ImportedFileError, match=message) as told:
        bring(destination, tmp_path / "b.csv", text)
    assert "high" not in str(told.value)
    assert ask(destination, "select count(*) from raw_greenhouse.candidates") == [(2,)]
    assert ask(destination, "select count(*) from _flux.vendor_files") == [(1,)]


def test_a_column_may_come_later_and_may_not_change_its_type(tmp_path: Path, destination: Destination) -> None:
    bring(destination, tmp_path / "a.csv", FIRST)
    wider = MAPPING + "  secret: {from: Secret, type: text}\n"
    assert counts(bring(destination, tmp_path / "a.csv", FIRST, wider)) == (2, 0, 2, 0)
    with pytest.raises(ImportedFileError, match=r"column 'score' of raw_greenhouse\.candidates is"):
        bring(destination, tmp_path / "a.csv", FIRST, MAPPING.replace("Score, type: number", "Score, type: text"))


def test_a_kill_before_the_commit_changes_nothing(
    tmp_path: Path, destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(name: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(vendor, "reach", die)
        with pytest.raises(KeyboardInterrupt):
            bring(destination, tmp_path / "a.csv", FIRST)
    assert counts(bring(destination, tmp_path / "a.csv", FIRST)) == (2, 2, 0, 0)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("object:", "objct:", "unknown key 'objct'; did you mean 'object'"),
        ("key: candidate_id", "key: id", "key is 'id'; give one or more of the columns candidate_id, stage"),
        ("greenhouse", "app_history", "would land among Flux's own tables"),
        ("greenhouse", "Green House", "vendor is 'Green House'"),
        ("type: number", "type: float", "column 'score': type is 'float'; give one of text, integer"),
        ("key: candidate_id", "key: tags", "a key cannot be json"),
        ("key: candidate_id", "key: candidate_id\nabsent: gone", "absent is 'gone'"),
    ],
)
def test_a_mapping_that_is_none_is_refused_with_the_place(old: str, new: str, message: str) -> None:
    with pytest.raises(ImportedFileError, match=message):
        parse_mapping(MAPPING.replace(old, new))


def test_a_file_whose_name_is_a_pattern_brings_no_other_file_in(tmp_path: Path, destination: Destination) -> None:
    (tmp_path / "a1.csv").write_text(FIRST)
    with pytest.raises(ImportedFileError, match="rename it"):
        bring(destination, tmp_path / "a[1].csv", SECOND)
