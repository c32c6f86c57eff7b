"""Protected attributes and direct identifiers are absent, by the names of the columns that were written."""

from training.gate.finding import Finding
from training.gate.parts import Parts
from training.spec import FORBIDDEN_COLUMNS

# Words of a name that tell of them in whatever column they stand.
WORDS = frozenset(
    (
        *("sex", "gender", "race", "ethnicity", "ethnic", "birth", "disability", "disabled", "veteran", "religion"),
        *("pregnancy", "nationality", "orientation", "union", "salary", "email", "phone", "demographics"),
    )
)


def check_names(parts: Parts) -> Finding:
    """No column is on the list, or has a word in its name that tells of what is on it."""
    wrong = [name for name in parts.names if name in FORBIDDEN_COLUMNS or WORDS & set(name.lower().split("_"))]
    return Finding("protected", not wrong, {"columns": len(parts.names), **({"found": wrong} if wrong else {})})
