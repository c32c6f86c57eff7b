"""The selection file: read strictly, with safe defaults, and a hash that is HMAC-SHA256."""

import hashlib
import hmac
from pathlib import Path

import pyarrow as pa
import pytest

from ingestion.errors import SelectionError
from ingestion.postgres.pgoutput import Column, Relation
from ingestion.selection.hash_key import HashKey
from ingestion.selection.reader import parse_selection, read_selection
from ingestion.selection.rules import Class, ColumnRule, LeftOutBy, Treatment
from ingestion.selection.views import Treater, numbers, source_oid, views

KEY = HashKey(b"k" * 40)
WHOLE = """
include: ["public.*", "hr.staff"]
exclude: ["public.audit_*"]
unlisted: replicate
left_out_by: publication
tables:
  public.members:
    rows: "deleted_at is null"
    columns:
      id: public
      email: {class: personal, treatment: hash}
      phone: {class: personal, treatment: mask}
      name: personal
      gender: protected
  public.skills: public
"""


def relation(*names: str, key: tuple[str, ...] = ("id",), schema: str = "public") -> Relation:
    columns = tuple(Column(name, n + 1, 25, "text", "b", -1, "text") for n, name in enumerate(names))
    return Relation(42, schema, "members", "d", columns, key)


def test_a_file_is_read_into_rules_with_safe_defaults() -> None:
    found = parse_selection(WHOLE, key=KEY)
    rules = found.columns("public.members") or {}
    assert rules["name"] == ColumnRule(Class.PERSONAL, Treatment.DROP)
    assert rules["gender"] == ColumnRule(Class.PROTECTED, Treatment.KEEP)
    assert rules["email"].treatment is Treatment.HASH
    assert found.rows("public.members") == "deleted_at is null"
    assert found.left_out_by is LeftOutBy.PUBLICATION
    assert found.columns("public.skills") is None
    assert found.why_out("public.audit_log") == "the selection excludes 'public.audit_*'"
    assert found.why_out("hr.wages") == "no pattern of the selection includes it"
    assert found.why_out("public.other") is None


def test_tables_that_a_classifying_file_does_not_list_stay_out_unless_it_says_otherwise() -> None:
    assert parse_selection("exclude: [public.a]").why_out("public.b") is None
    found = parse_selection("tables: {public.a: public}")
    assert found.why_out("public.a") is None
    assert found.why_out("public.b") == "the selection does not classify it"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        ("tables: [", "line 2: not YAML"),
        ("tabels: {}", "line 1: unknown key 'tabels' in the selection; did you mean 'tables'?"),
        ("tables:\n  members: public", "line 2: table 'members' has no schema; write schema.table"),
        ("tables:\n  public.a:\n    colums: {id: public}", "line 3: unknown key 'colums' in table 'public.a'; did you"),
        (
            "tables:\n  public.a:\n    columns: {id: pubic}",
            "class of 'public.a.id' cannot be 'pubic'; give",
        ),
        (
            "tables:\n  public.a:\n    columns: {id: {class: personal, treatment: hide}}",
            "give keep, hash, mask or drop",
        ),
        ("tables:\n  public.a:\n    columns: {id: {treatment: drop}}", "has no class"),
        ("tables:\n  public.a:\n    columns: {}", "has no columns"),
        ("tables:\n  public.a: {}", "says nothing"),
        ("tables:\n  public.a: protected", "cannot be 'protected'; give public"),
        (
            "tables:\n  public.a: public\n  public.a: public",
            "line 3: 'public.a' stands twice in 'tables', first",
        ),
        ("include: public.*", "must be a list of patterns"),
        ("include: [members]", "pattern 'members' has no schema"),
        ("left_out_by: nobody", "give publication-or-load, publication or load"),
        (WHOLE, "1 columns are hashed (public.members.email) and no key is set; make one with"),
    ],
)
def test_what_cannot_be_meant_is_an_error_with_its_line(text: str, words: str) -> None:
    with pytest.raises(SelectionError) as caught:
        parse_selection(text)
    assert words in str(caught.value)


def test_a_file_that_is_not_there_and_a_short_key_are_told(tmp_path: Path) -> None:
    with pytest.raises(SelectionError, match="cannot read selection"):
        read_selection(tmp_path / "none.yaml")
    with pytest.raises(SelectionError, match="has 5 bytes, it needs 32 at least") as caught:
        HashKey(b"hush!")
    assert "hush!" not in str(caught.value)
    assert "kkkk" not in repr(parse_selection(WHOLE, key=KEY))


@pytest.mark.parametrize("length", [32, 63, 64, 65, 200])  # a block of the hash has 64 bytes
def test_hashes_are_those_of_pythons_own_hmac(length: int) -> None:
    secret = bytes((7 * n) % 256 for n in range(length))
    values = ["", " ", "a", None, "é𝄞", "two\nlines", "'; --", "\\x00", "x" * 12, "x" * 13, "y" * 100_000, None]
    key = HashKey(secret)
    selection = parse_selection(
        "tables: {public.members: {columns: {id: {class: personal, treatment: hash}}}}", key=key
    )
    (view,) = views(selection, relation("id"))
    rows = pa.table({"_n": pa.array(range(len(values))), "c0": pa.array(values, pa.string_view())})

    treated = Treater(key).treat(view, rows)

    expected = [None if v is None else hmac.new(secret, v.encode(), hashlib.sha256).hexdigest() for v in values]
    assert treated.column("c0").to_pylist() == expected
    assert treated.column("_n").to_pylist() == list(range(len(values)))
    assert all(key.hash(v) == h for v, h in zip(values, expected, strict=True) if v is not None)


def test_a_hundred_thousand_rows_keep_their_order() -> None:
    selection = parse_selection(WHOLE, key=KEY)
    view = views(selection, relation("id", "email"))[0]
    values = [f"{n}@example.com" for n in range(100_000)]

    treated = Treater(KEY).treat(view, pa.table({"c0": values, "c1": pa.array(values, pa.string_view())}))

    assert treated.column("c0").to_pylist() == values
    assert treated.column("c1").to_pylist()[::999] == [KEY.hash(value) for value in values[::999]]


def test_protected_columns_are_a_view_of_their_own_with_the_key() -> None:
    first, apart = views(parse_selection(WHOLE, key=KEY), relation("name", "gender", "id", "email", "phone", "new"))
    assert [column.name for column in first.relation.columns] == ["id", "email", "phone"]
    assert [column.declared for column in first.relation.columns] == [
        "text",
        f"hash {KEY.fingerprint} of text",
        "mask of text",
    ]
    assert first.relation.left_out == ("new",)
    assert [column.name for column in apart.relation.columns] == ["gender", "id"]
    assert apart.relation.key_positions == (1,)
    assert numbers(42) == (first.relation.oid, apart.relation.oid)
    assert source_oid(apart.relation.oid) == 42
    assert source_oid(-3) == -3


def test_a_table_of_a_protected_schema_is_not_split() -> None:
    selection = parse_selection("tables: {restricted.members: {columns: {id: public, gender: protected}}}")
    (view,) = views(selection, relation("id", "gender", schema="restricted"), ("restricted",))
    assert [column.name for column in view.relation.columns] == ["id", "gender"]


def test_a_key_that_is_not_let_out_gives_no_view() -> None:
    with pytest.raises(SelectionError, match="key column 'name'"):
        views(parse_selection(WHOLE, key=KEY), relation("id", "name", key=("id", "name")))


def test_another_key_treatment_or_filter_is_another_selection_and_an_unlisted_table_has_none() -> None:
    first = parse_selection(WHOLE, key=KEY)
    assert first.digest("public.skills") == first.digest("public.other") == ""
    others = [
        parse_selection(WHOLE, key=HashKey(b"q" * 40)),
        parse_selection(WHOLE.replace("mask", "drop"), key=KEY),
        parse_selection(WHOLE.replace("is null", "is not null"), key=KEY),
    ]
    assert len({found.digest("public.members") for found in (first, *others)}) == 4
    assert first.digest("public.members") == parse_selection(WHOLE, key=KEY).digest("public.members")
