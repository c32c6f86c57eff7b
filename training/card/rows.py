"""The card's parts about rows: splits, who and what was left out, negatives."""

from collections.abc import Iterator

from training.card.markdown import Tree, section, table


def splits(document: Tree) -> list[str]:
    """Tell the splits, their rule and their people."""
    rows = (
        (name, f"{split['rows']:,}", split["first"] or "", split["last"] or "")
        for name, split in document["splits"].items()
    )
    people = document["subjects"]
    told = (
        people
        and f"The rows are about {people['count']:,} people (sha256 of their list: `{people['sha256'][:16]}...`)."
    )
    return section("Splits", table(("split", "rows", "from", "to"), rows), _rule(document), told or "")


def left_out(document: Tree) -> list[str]:
    """Tell what is not in it, and why."""
    exclusions = ((reason, f"{rows:,}") for reason, rows in document["exclusions"].items())
    withheld = (
        (reason, f"{facts['rows']:,}", "not told" if facts["subjects"] is None else f"{facts['subjects']:,}")
        for reason, facts in document["withheld"].items()
    )
    spec = document["inputs"]["spec"]
    return section(
        "Left out",
        "Rows of the relation that are in no split, each by the first reason that holds:",
        table(("reason", "rows"), exclusions),
        "People may be learned from while they consent, as of the build and not as of the row. Rows that the models"
        " withheld before, for want of that:"
        if "left_out" in spec
        else "Whom the models withheld before, for want of consent, is not counted: the specification names no relation"
        " that tells.",
        table(("reason", "rows", "people"), withheld) if "left_out" in spec else "",
        [f"- {line}" for line in _choices(spec)],
    )


def _rule(document: Tree) -> str:
    spec = document["inputs"]["spec"]
    split = spec["split"]
    shares = f"{split['train']:g} / {split['valid']:g} / {split['test']:g}"
    held = f" Rows with `{split['holdout']}` are in test only." if "holdout" in split else ""
    if split["kind"] == "entity":
        return (
            f"By a hash of `{split['by']}` seeded with {spec['seed']}: shares {shares}; nobody is in two splits.{held}"
        )
    return (
        f"By time: shares {shares} of the eligible rows, valid begins at {document['boundaries'][0]} and test at"
        f" {document['boundaries'][1]}; rows whose label windows begin in the {split['embargo']} before a boundary are"
        " left out, because these were still open when the next split began, and a label whose window is longer than"
        f" that is NULL where it reaches beyond the boundary.{held}"
    )


def _choices(spec: Tree) -> Iterator[str]:
    yield f"Horizon: {'rows of the ' + spec['horizon'] + ' before' if 'horizon' in spec else 'none, all rows'}."
    if "before_log" in spec:
        yield {
            "exclude": "Rows from before the log began are left out: what was known then cannot be told for certain.",
            "events": "Rows from before the log began are in it (`is_before_log`), by choice: facts that are only ever"
            " added count by their own time; what can change is NULL (left-censored).",
        }[spec["before_log"]]
    if "history_gaps" in spec:
        yield {
            "exclude": "Rows inside a gap of the history (a table was copied anew) are left out.",
            "flag": "Rows inside a gap of the history (a table was copied anew) are in it (`is_in_history_gap`).",
        }[spec["history_gaps"]]
    if "negatives" in spec:
        negatives = spec["negatives"]
        kinds = ", ".join(f"{kind}: {number}" for kind, number in negatives["keep"].items())
        per = f" for each `{negatives['per']}`" if "per" in negatives else ""
        yield (
            f"Kinds of rows by `{negatives['column']}`, most{per}: {kinds}; which ones, by a hash seeded with"
            f" {spec['seed']}."
        )
