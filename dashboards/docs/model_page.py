"""The page of a model: what it holds, whose it is, how fresh, where it comes from, who uses it, how to ask it."""

from __future__ import annotations

from collections.abc import Sequence

from dashboards.catalogue import READABLE, Column, Model, Test
from dashboards.docs.content import Content
from dashboards.docs.frame import built, cards, checked, code, complete_to, facts, frame, head, section, table, unbroken
from dashboards.docs.graph import Graph
from dashboards.docs.neighbourhood import draw_neighbourhood
from dashboards.static.view import breakable, text

KINDS = {"data": "on every build", "sentence": "on every build", "unit": "when the code changes"}
LOOKS = {"pass": "good", "success": "good", "warn": "warn"}
CLOSED = (
    "It holds, or is made of, protected attributes: its columns, its SQL and its tests stand in the docs of its own"
    " audience (<code>flux docs build --restricted</code>), its rows in a file of their own."
)


def model_page(content: Content, model: Model, graph: Graph) -> str:
    """Return the page."""
    closed = content.is_closed(model)
    rest = model.description.removeprefix(model.grain.removesuffix(".")).lstrip(". ")
    body = [
        head(model.name, model.schema, content.prose(model.grain), content.prose(rest)),
        f'<aside class="notice">{CLOSED}</aside>' if closed else "",
        facts(
            [
                ("Owner", unbroken(model.owner)),
                ("Data complete to", complete_to(model.result)),
                ("Built", built(model.result)),
                ("Key", ", ".join(f"<code>{breakable(name)}</code>" for name in model.key) or "–"),
                ("Kept as", text(model.materialized)),
                *checked(content.checks.get(model.relation)),
            ]
        ),
    ]
    metrics = _metrics(content, model)
    body.append(section("Metrics in it", metrics))
    if not closed:
        body.append(section("Columns", _columns(content, model), _note(content, model)))
    body.append(section("Lineage", draw_neighbourhood(content, graph, model.relation) + _lists(content, model)))
    body.append(section("Shown on dashboards", cards(content, content.read.get(model.relation, ()))))
    if not closed:
        promise = "" if model.schema in READABLE else "Below the layers for readers: names may change without notice."
        body.append(section("Ask it", code(model.example, copied=True), promise))
        body.append(section("Tests", _tests(content, model.tests)))
        body.append(section("SQL", _sql(content, model)))
    return frame(content, model.name, body, within="models.html")


def outcome(test: Test) -> str:
    """Return a test's last result as a coloured word."""
    if test.result is None:
        return '<span class="status neutral">not run yet</span>' if test.kind != "unit" else "–"
    failing = f", {test.result.failures:,} rows" if test.result.failures else ""
    look = LOOKS.get(test.result.status, "bad")
    return f'<span class="status {look}">{text(test.result.status)}{failing}</span>'


def _note(content: Content, model: Model) -> str:
    marked = {column.data_class for column in model.columns} - {"public"}
    return f"Marked as {' and '.join(sorted(marked))}: handle accordingly." if marked else ""


def _columns(content: Content, model: Model) -> str:
    types = content.columns.get(model.relation, {})
    metrics = {metric.column_name: metric.name for metric in content.metrics_of(model)}
    rows = []
    for column in model.columns:
        name = f'<code id="c-{text(column.name)}">{breakable(column.name)}</code>'
        rows.append(
            (
                name + _marks(model, column),
                f"<code>{text(column.type or types.get(column.name, '–'))}</code>",
                content.prose(column.description)
                + (f" Metric: {content.link(metrics[column.name])}." if column.name in metrics else ""),
            )
        )
    return table(("Column", "Type", "What it holds"), rows, "words columns")


def _marks(model: Model, column: Column) -> str:
    key = ' <span class="tag">key</span>' if column.name in model.key else ""
    marked = f' <span class="tag warn">{text(column.data_class)}</span>' if column.data_class != "public" else ""
    return key + marked


def _metrics(content: Content, model: Model) -> str:
    rows = [
        (content.link(metric.name, metric.name), text(metric.label), content.prose(metric.definition))
        for metric in content.metrics_of(model)
    ]
    return table(("Metric", "In short", "Definition"), rows, "words")


def _lists(content: Content, model: Model) -> str:
    """What the drawing shows, in words, and whole."""
    rows = [("Reads", model.reads), ("Read by", model.read_by)]
    words = "".join(
        f"<dt>{name}</dt><dd>{', '.join(content.link(one) for one in relations) or 'nothing'}</dd>"
        for name, relations in rows
    )
    whole = f'<a href="lineage.html#{text(model.name)}">In the whole graph</a>'
    return f'<dl class="lists">{words}</dl><p class="note">{whole}</p>'


def _tests(content: Content, tests: Sequence[Test]) -> str:
    rows = [(content.prose(test.says), KINDS[test.kind], outcome(test)) for test in tests]
    return table(("What is held true", "Run", "Last result"), rows, "words plain")


def _sql(content: Content, model: Model) -> str:
    sql = content.sql.get(model.relation)
    if sql is None:
        return ""
    texts = [(f"As it is written: {model.path}", sql.raw), ("As the last build ran it", sql.compiled)]
    return "".join(
        f'<details class="sql"><summary>{text(title)}</summary>{code(sql, copied=True)}</details>'
        for title, sql in texts
        if sql is not None
    )
