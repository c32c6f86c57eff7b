"""The card's parts about columns: labels with their base rates, and what each column means and when it was known."""

from collections.abc import Iterator

from training.card.markdown import Tree, number, section, table


def labels(document: Tree) -> list[str]:
    """Tell each label's window and how often it is true."""
    return section(
        "Labels",
        "A label is NULL where its window had not passed by the as-of time (in train and valid: when the next split"
        " began): unknown, not negative. A fact that came to be known later than that does not count.",
        table(("label", "known", "split", "mature", "NULL", "base rate"), _rates(document)),
    )


def columns(document: Tree) -> list[str]:
    """Tell every column."""
    spec = document["inputs"]["spec"]
    there = {column["name"]: column for column in document["schema"]}
    rows = (
        (
            f"`{column['name']}`",
            part,
            there[column["name"]]["type"],
            known,
            column["description"] or there[column["name"]]["description"],
        )
        for part, known, column in _parts(spec)
    )
    return section("Columns", table(("column", "part", "type", "known", "meaning"), rows))


def _rates(document: Tree) -> Iterator[tuple[str, ...]]:
    spec = document["inputs"]["spec"]
    known = {label["name"]: _window(label) for label in spec["labels"]}
    if "relevance" in spec:
        grades = ", ".join(f"`{label}` {grade}" for label, grade in spec["relevance"]["grades"].items())
        known[spec["relevance"]["name"]] = f"with the last of: {grades}"
    for label, when in known.items():
        for name, split in document["splits"].items():
            rate = split["labels"][label]
            yield (
                f"`{label}`",
                when,
                name,
                f"{rate['mature']:,}",
                f"{rate['immature']:,}",
                "none mature" if rate["base_rate"] is None else number(rate["base_rate"]),
            )


def _parts(spec: Tree) -> Iterator[tuple[str, str, Tree]]:
    """Yield part, time of knowledge and column, in the dataset's order."""
    before = f"strictly before `{spec['time']}`"
    yield "key", "with the row", {"name": spec["id"], "description": "the row"}
    yield "time", "with the row", {"name": spec["time"], "description": "when the row's features were taken"}
    for column in spec["context"]:
        yield "context", f"with the row (`{spec['known']}`)", column
    for column in spec["features"]:
        yield "feature", before, column
    for column in spec["labels"]:
        yield "label", _window(column), column
    if "relevance" in spec:
        yield "label", "with the labels that it is made of", spec["relevance"]
    for column in spec.get("outcomes", ()):
        yield "outcome", _window(column), column


def _window(label: Tree) -> str:
    return f"{label['window']} after `{label['since']}`" + (f", by `{label['known']}`" if "known" in label else "")
