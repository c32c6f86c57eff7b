import contextlib
import json
import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingestion.events import lenient_json

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, max_examples=40)
@given(st.dictionaries(st.text(), json_values, max_size=5), st.booleans())
def test_an_object_is_cut_into_members_that_mean_the_same(value: dict[str, object], spaced: bool) -> None:
    raw = json.dumps(value, indent=2 if spaced else None).encode()
    cut = {name: lenient_json.loads(part) for name, part in lenient_json.members(raw).items()}
    assert repr(cut) == repr(lenient_json.loads(raw))


@settings(deadline=None, max_examples=40)
@given(st.lists(json_values, max_size=6))
def test_an_array_is_cut_into_elements_that_mean_the_same(values: list[object]) -> None:
    raw = json.dumps(values).encode()
    assert repr([lenient_json.loads(part) for part in lenient_json.elements(raw)]) == repr(lenient_json.loads(raw))


@settings(deadline=None, max_examples=40)
@given(st.binary(max_size=60) | st.text(alphabet='{}[]",:\\1tn ', max_size=40).map(str.encode))
@example(b'{"a":"' + b'\\"' * 50_000)  # must not be quadratic
@example(b'{"a":' + b"[" * 100_000)
def test_garbage_is_refused_and_nothing_else_happens(raw: bytes) -> None:
    for read in (lenient_json.loads, lenient_json.members, lenient_json.elements):
        with contextlib.suppress(lenient_json.LenientJsonError):
            read(raw)


def test_what_python_and_browsers_send_is_read() -> None:
    found = lenient_json.loads(b'{"nan": NaN, "cut": "\\ud83d", "bytes": "\xff", "far": 1e999, "control": "a\nb"}')
    assert isinstance(found, dict)
    assert math.isnan(found.pop("nan"))
    assert found == {"cut": "�", "bytes": "�", "far": "1e999", "control": "a\nb"}


def test_surrogates_that_belong_together_stay_a_character() -> None:
    assert lenient_json.loads(b'"\\ud83d\\ude00 NaN"') == "😀 NaN"


def test_an_endless_number_stays_text() -> None:
    assert lenient_json.loads(b"1" * 5_000) == "1" * 5_000


def test_deep_nesting_is_measured_without_recursion() -> None:
    assert lenient_json.nesting(b"[" * 5_000 + b'"[[["' + b"]" * 5_000) == 5_000
    with pytest.raises(lenient_json.LenientJsonError, match="nested too deeply"):
        lenient_json.loads(b"[" * 100_000 + b"]" * 100_000)
