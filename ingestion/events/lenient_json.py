"""Read the JSON that SDKs send and that is not JSON: NaN, lone surrogates, bytes that are not UTF-8, deep nesting.

Python's SDK writes NaN and Infinity; JavaScript cuts strings between surrogates. A strict parser refuses the whole
request for one such value. This is the second road, taken only where the fast parser (msgspec) refused. Pure.
"""

import json
import math
import re
from collections.abc import Iterator
from typing import Final

# A string (one that never ends reaches to the end), or one of the characters that shape a document. Possessive and
# always consuming: time is linear in the input, whatever it is.
_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[\]{},:]', re.DOTALL)
_CLOSERS: Final = {b"[": b"]", b"{": b"}"}
_BOM: Final = b"\xef\xbb\xbf"


class LenientJsonError(ValueError):
    """The bytes cannot be read as JSON, however generously. The message says why and holds no value."""


def loads(raw: bytes | memoryview) -> object:
    """Decode JSON, accepting NaN, Infinity, raw control characters, lone surrogates and invalid UTF-8.

    What cannot be a character becomes U+FFFD. A number beyond a double's range stays text. Raises LenientJsonError.
    """
    text = bytes(raw).removeprefix(_BOM).decode("utf-8", "replace")
    try:
        value = _DECODER.decode(text)
        return _without_surrogates(value) if "\\u" in text else value
    except RecursionError as error:
        raise LenientJsonError("nested too deeply") from error
    except ValueError as error:  # the decoder's text holds no values; json's own type would hand the document on
        raise LenientJsonError(f"not JSON ({error.args[0]})") from None


def members(raw: bytes) -> dict[str, bytes]:
    """Cut an object into its members' bytes, verbatim. Never recurses. Raises LenientJsonError when it is no object."""
    found: dict[str, bytes] = {}
    for part in _parts(raw.removeprefix(_BOM), b"{"):
        key = _TOKEN.match(part)
        if key is None or not part.startswith(b'"'):
            raise LenientJsonError("an object's member has no name")
        colon = part[key.end() :].lstrip()
        if not colon.startswith(b":"):
            raise LenientJsonError("an object's member has no value")
        found[str(loads(key.group()))] = colon[1:].strip()
    return found


def elements(raw: bytes) -> list[bytes]:
    """Cut an array into its elements' bytes, verbatim. Never recurses. Raises LenientJsonError when it is no array."""
    return list(_parts(raw, b"["))


def first_element(raw: bytes) -> bytes | None:
    """Return an array's first element, verbatim, without a look at the others; None: it is empty.

    Raises LenientJsonError.
    """
    return next(_parts(raw, b"["), None)


def nesting(raw: bytes) -> int:
    """Return how deep arrays and objects are nested. Never recurses."""
    depth = deepest = 0
    for token in _TOKEN.finditer(raw):
        if token.group() in (b"[", b"{"):
            depth += 1
            deepest = max(deepest, depth)
        elif token.group() in (b"]", b"}"):
            depth -= 1
    return deepest


def _parts(raw: bytes, opener: bytes) -> Iterator[bytes]:
    raw = raw.strip()
    if raw[:1] != opener:
        raise LenientJsonError(f"does not begin with {opener.decode()}")
    expected = [_CLOSERS[opener]]
    start = 1
    for token in _TOKEN.finditer(raw, 1):
        shape = token.group()
        if shape in (b"[", b"{"):
            expected.append(_CLOSERS[shape])
        elif shape in (b"]", b"}"):
            if shape != expected.pop():
                raise LenientJsonError("brackets do not match")
            if not expected:
                if raw[token.end() :]:
                    raise LenientJsonError("something follows the end")
                last = raw[start : token.start()].strip()
                if last:
                    yield last
                return
        elif shape == b"," and len(expected) == 1:
            yield raw[start : token.start()].strip()
            start = token.end()
    raise LenientJsonError("ends too early")


def _number(text: str) -> float | str:
    value = float(text)
    return value if math.isfinite(value) else text


def _whole_number(text: str) -> int | str:
    # int() refuses more than 4,300 digits (its cost is quadratic); such a number stays text.
    return int(text) if len(text) <= 4000 else text


def _without_surrogates(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {str(_without_surrogates(key)): _without_surrogates(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    return value


_DECODER: Final = json.JSONDecoder(strict=False, parse_float=_number, parse_int=_whole_number)
