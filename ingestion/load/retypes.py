"""Changes of a column's type that leave the text of every value as it was.

All others rewrite values, of which the WAL says nothing: only a new copy tells what the table holds. Types are named as
`format_type` names them: `numeric(8,2)`, `timestamp(3) without time zone`.
"""

import re
from typing import Final

_INTEGERS: Final = ("smallint", "integer", "bigint")
_LENGTHS: Final = ("character varying", "bit varying")
_SECONDS: Final = ("time", "timestamp")
_MODIFIER: Final = re.compile(r"\((-?\d+)(?:,(-?\d+))?\)")


def keeps_text(before: str, after: str) -> bool:
    """Whether values have the same text after the change, as long as no USING expression makes others of them."""
    (old, was), (new, now) = _parts(before), _parts(after)
    if old in _INTEGERS and new in _INTEGERS:
        return _INTEGERS.index(old) <= _INTEGERS.index(new)
    if (old in _INTEGERS or old == new == "numeric") and after == "numeric":
        return True
    if old == "character varying" and after == "text":
        return True
    if old != new:
        return before == "text" and after == "character varying"
    if not now:
        return old == "numeric" or old.startswith((*_LENGTHS, *_SECONDS))
    if old == "numeric":
        return bool(was) and was[0] <= now[0] and was[1] == now[1]
    if old.startswith(_LENGTHS):
        return bool(was) and was[0] <= now[0]
    return old.startswith(_SECONDS) and bool(was) and was[0] <= now[0]


def _parts(declared: str) -> tuple[str, tuple[int, ...]]:
    """Cut a type's name from its modifier: ('numeric', (8, 2)); () without one."""
    found = _MODIFIER.search(declared)
    if found is None:
        return declared, ()
    return declared[: found.start()] + declared[found.end() :], (int(found[1]), int(found[2] or 0))
