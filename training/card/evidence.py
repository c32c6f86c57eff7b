"""The card's parts about what it was made from and what was checked: sources, leakage, drift, lineage."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from training.card.markdown import Tree, number, section, table

_MOVED = 8  # columns that moved most
_CAUSES = "causes"  # the evidence that has a table of its own


def sources(document: Tree) -> list[str]:
    """Tell how fresh each source was."""
    rows = (
        (
            f"`{source['relation']}`",
            f"{source['rows']:,}",
            source["at"] or "none",
            _age(source["at"], document["as_of"]),
        )
        for source in document["sources"]
    )
    return section(
        "Sources",
        "What was known of each by the as-of time: changes of a history, or events received.",
        table(("source", "known", "last at", "before as-of"), rows),
    )


def leakage(document: Tree) -> list[str]:
    """Tell what the leakage gate found."""
    findings = document.get("leakage")
    if findings is None:
        return section("Leakage", "Not checked by the gate: this build was given none.")
    verdicts = {True: "passed", False: "FAILED", None: "not judged"}
    rows = (
        (
            finding["check"].replace("_", " "),
            verdicts[finding["passed"]],
            ", ".join(f"{name} {_short(value)}" for name, value in finding["evidence"].items() if name != _CAUSES),
        )
        for finding in findings
    )
    told = table(("check", "verdict", "evidence"), rows)
    return section("Leakage", "A set that fails one is not published.", told, *_causes(findings))


def _causes(findings: Iterable[Tree]) -> Iterator[str | list[str]]:
    """Tell which features may rank a label alone, why, and who answers for that: it is an exception to the gate."""
    causes = [cause for finding in findings for cause in finding["evidence"].get(_CAUSES, ())]
    if causes:
        yield "Features that may rank a label nearly alone, since they are declared to be its cause:"
        yield table(("labels", "features", "reason", "answered for by", "confirmed"), map(_cause, causes))


def _cause(cause: Tree) -> tuple[str, ...]:
    labels, features = (", ".join(f"`{name}`" for name in cause[key]) for key in ("labels", "features"))
    return labels, features, cause["reason"], f"team {cause['owner']}", cause["confirmed"] or "by nobody yet"


def drift(document: Tree) -> list[str]:
    """Tell how far the columns moved from the set before."""
    moved = document.get("drift")
    if not moved:
        return section("Drift", "There was no earlier set of this name to compare with.")
    columns = sorted(moved["columns"].items(), key=lambda column: -column[1]["psi"])
    rows = ((f"`{name}`", facts["part"], number(facts["psi"]), number(facts["js"])) for name, facts in columns[:_MOVED])
    return section(
        "Drift",
        f"Against {moved['parent']}, as of {moved['parent_as_of']}. Of {len(columns)} columns those that moved most; by"
        " custom a PSI below 0.1 is nothing and one over 0.2 is worth a look.",
        table(("column", "part", "PSI", "Jensen-Shannon"), rows),
    )


def lineage(document: Tree) -> list[str]:
    """Tell which code made it."""
    made = document["lineage"]
    facts = [
        *(f"- {name}: {value}" for name, value in made["code"].items()),
        *(f"- {name.replace('_', ' ')}: {value}" for name, value in made["run"].items()),
        *(f"- {name} {value}" for name, value in document["tools"].items()),
        f"- {len(made['models'])} models and macros, each with its checksum in the manifest",
    ]
    return section("Lineage", facts)


def succession(document: Tree) -> list[str]:
    """Tell which set this one stands for, without those who left."""
    before = document.get("succeeds")
    if not before:
        return []
    reasons = ", ".join(f"{people:,} {reason}" for reason, people in before["reasons"].items())
    return section(
        "Successor",
        f"This set stands for {document['name']}/{before['id']}, without {before['subjects_left_out']:,} people who"
        f" left since ({reasons}) and their {before['rows_left_out']:,} rows. Every other row was proved to be as"
        " it was.",
    )


def _age(at: str | None, as_of: str) -> str:
    if at is None:
        return ""
    seconds = int((datetime.fromisoformat(as_of) - datetime.fromisoformat(at)).total_seconds())
    days, rest = divmod(seconds, 86_400)
    return f"{days} d {rest // 3600} h" if days else f"{rest // 3600} h {rest % 3600 // 60} min"


def _short(value: object) -> str:
    parts = [*_flat(value)]
    return ", ".join(parts[:4]) + (f" and {len(parts) - 4} more" if len(parts) > 4 else "")


def _flat(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield f"{name} {inner:.4g}" if isinstance(inner, float) else f"{name} {inner}"
    elif isinstance(value, list | tuple):
        yield from map(str, value)
    else:
        yield f"{value:.4g}" if isinstance(value, float) else str(value)
