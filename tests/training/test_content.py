"""The logical hash tells contents apart and nothing else."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.content import ContentHash, cell_words
from training.errors import BuildError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

rows = st.lists(
    st.tuples(
        st.none() | st.integers(-(2**15), 2**15 - 1),
        st.none() | st.text(max_size=20),
        st.none() | st.floats(allow_nan=False, width=32),
        st.none() | st.booleans(),
        st.none() | st.decimals(-1000, 1000, places=3),
        st.none() | st.integers(0, 2**50).map(lambda us: EPOCH + timedelta(microseconds=us)),
    ),
    min_size=1,
    max_size=20,
)
NARROW = pa.schema(
    [
        ("a", pa.int16()),
        ("b", pa.string()),
        ("c", pa.float32()),
        ("d", pa.bool_()),
        ("e", pa.decimal128(9, 3)),
        ("f", pa.timestamp("us", tz="UTC")),
    ]
)
WIDE = pa.schema(
    [
        ("a", pa.int64()),
        ("b", pa.large_string()),
        ("c", pa.float64()),
        ("d", pa.bool_()),
        ("e", pa.decimal128(20, 6)),
        ("f", pa.timestamp("us", tz="Europe/Berlin")),
    ]
)


GOLDEN = "a277dddb6727f532bb36ca84c2beaaffbdc5efe2ee020d1f973c8293711b7ea9"


def table(values: list[tuple[object, ...]]) -> pa.Table:
    columns = list(zip(*values, strict=True))
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, NARROW, strict=True)], schema=NARROW
    )


def digest(*tables: pa.Table, split: str = "train") -> str:
    content = ContentHash(tables[0].schema)
    for one in tables:
        content.update(split, one)
    return content.hexdigest()


@given(rows, st.randoms(), st.integers(0, 20))
@settings(max_examples=25, deadline=None)
def test_order_of_rows_and_columns_widths_and_pieces_do_not_matter(values, random, cut) -> None:  # type: ignore[no-untyped-def]
    plain = table(values)
    order = list(range(len(values)))
    random.shuffle(order)
    other = plain.take(pa.array(order)).cast(WIDE).select(random.sample(plain.column_names, 6))

    assert digest(other.slice(0, cut), other.slice(cut)) == digest(plain)


@given(rows, rows)
@settings(max_examples=25, deadline=None)
def test_different_rows_have_different_hashes(left, right) -> None:  # type: ignore[no-untyped-def]
    same = sorted(map(repr, left)) == sorted(map(repr, right)) or table(left).equals(table(right))

    assert (digest(table(left)) == digest(table(right))) == same or _only_signs_of_zero(left, right)


def _only_signs_of_zero(left: list[tuple[object, ...]], right: list[tuple[object, ...]]) -> bool:
    return sorted(map(repr, map(_unsigned, left))) == sorted(map(repr, map(_unsigned, right)))


def _unsigned(row: tuple[object, ...]) -> tuple[object, ...]:
    return tuple(0.0 if isinstance(value, float) and value == 0 else _plain(value) for value in row)


def _plain(value: object) -> object:
    return abs(value) if isinstance(value, Decimal) and value == 0 else value


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (["", None], [None, None]),
        (["ab", "c"], ["a", "bc"]),
        (["12345678", ""], ["1234567", "8"]),
        (["a\0"], ["a"]),
        (["aaaaaaaabbbbbbbb"], ["bbbbbbbbaaaaaaaa"]),
        ([0, 1], [None, 1]),
        ([1.5, 2.5], [1.5, 2.25]),
    ],
)
def test_look_alikes_differ(left: list[object], right: list[object]) -> None:
    kind = pa.array([value for value in left if value is not None] or [""]).type
    assert digest(pa.table({"x": pa.array(left, kind)})) != digest(pa.table({"x": pa.array(right, kind)}))


def test_values_swapped_between_rows_or_columns_differ() -> None:
    plain = pa.table({"x": [1, 2], "y": [3, 4]})

    assert digest(pa.table({"x": [2, 1], "y": [3, 4]})) != digest(plain)
    assert digest(pa.table({"x": [3, 4], "y": [1, 2]})) != digest(plain)


def test_row_in_another_split_differs() -> None:
    one = pa.table({"x": [1]})

    assert digest(one, split="test") != digest(one, split="train")


def test_the_hash_stays_the_same_from_version_to_version() -> None:
    # A dataset pulled today must verify in a year: a change of this value needs a new manifest.FORMAT and BUILDER.
    plain = table([(1, "text", 1.5, True, Decimal("1.250"), EPOCH), (None,) * 6])

    assert digest(plain) == GOLDEN


@given(st.lists(st.none() | st.text(max_size=20) | st.sampled_from(["12345678", "0123456789abcdef", "a"]), min_size=1))
@settings(max_examples=50, deadline=None)
def test_a_text_has_one_word_whatever_stands_beside_it(texts: list[str | None]) -> None:
    beside = [*texts, *["the same"] * 2000]  # these make a dictionary of it

    each = [int(cell_words(pa.table({"x": pa.array([text], pa.string())}), "x")[0]) for text in texts]

    for together in (texts, beside):
        words = cell_words(pa.table({"x": pa.array(together, pa.string())}), "x")
        assert words[: len(texts)].tolist() == each


def test_slices_hash_as_what_they_show() -> None:
    whole = table([(n, str(n) * n, n / 2, n % 2 == 0, Decimal(n), EPOCH + timedelta(n)) for n in range(10)])

    assert digest(whole.slice(3, 4)) == digest(pa.concat_tables([whole.slice(3, 4)]).take(pa.array([0, 1, 2, 3])))


def test_number_too_large_for_the_hash_is_refused() -> None:
    huge = pa.table({"x": pa.array([2**63], pa.uint64())})

    with pytest.raises(BuildError, match=r"column 'x' \(uint64\) holds a number"):
        digest(huge)
