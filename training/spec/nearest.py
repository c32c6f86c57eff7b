"""What was probably meant by a name that nothing has."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, choices: Iterable[str]) -> str:
    """Say which of `choices` was probably meant, or list them all; text that continues a sentence."""
    known = sorted(choices)
    near = get_close_matches(word, known, n=2, cutoff=0.5)
    if near:
        return f"; did you mean {' or '.join(repr(one) for one in near)}?"
    return f"; there are {', '.join(repr(one) for one in known)}" if known else ""
