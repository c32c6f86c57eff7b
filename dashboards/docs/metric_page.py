"""The page of a metric: definition, owner, freshness, formula, pitfalls, where it is shown, how to ask for it."""

from __future__ import annotations

from dashboards.catalogue import Model
from dashboards.docs.content import Content
from dashboards.docs.frame import built, cards, code, complete_to, facts, frame, head, section, table, unbroken
from dashboards.metrics import BETTER, Metric
from dashboards.static.view import breakable, text


def metric_page(content: Content, metric: Metric) -> str:
    """Return the page."""
    models = [model for name in metric.models if (model := content.model(name)) is not None]
    result = models[0].result if models else None
    body = [
        head(metric.label, "", content.prose(metric.definition)),
        facts(
            [
                ("Owner", unbroken(metric.owner)),
                ("Data complete to", complete_to(result)),
                ("Built", built(result)),
                ("Name", f"<code>{breakable(metric.name)}</code>"),
                ("Unit", f"{text(metric.unit)}; {BETTER[metric.better]}"),
            ]
        ),
        f'<aside class="notice"><strong>Beware.</strong> {content.prose(metric.caveats)}</aside>'
        if metric.caveats
        else "",
        section("How it is computed", _computed(content, metric)),
        section("Shown on dashboards", cards(content, content.shown.get(metric.name, ()))),
        section("Ask it", "".join(code(sql, copied=True) for sql in [example(metric, models)] if sql)),
        section("Where it stands", _stands(content, metric, models)),
    ]
    return frame(content, metric.label, body, within="index.html")


def example(metric: Metric, models: list[Model]) -> str:
    """Give a query for the metric: its column in the newest rows, or its formula over all of them."""
    model = models[0] if models else None
    if model is None:
        return ""
    names = {column.name for column in model.columns}
    if metric.column_name in names:
        dates = [column for column in model.key if column.endswith("_on")]
        newest = f" order by {dates[0]} desc" if dates else ""
        columns = [*model.key, *([metric.column_name] if metric.column_name not in model.key else [])]
        return f"select {', '.join(map(str, columns))} from {model.relation}{newest} limit 10"
    if not metric.formula.columns <= names:  # of rows that are made where it is shown
        return ""
    try:
        return f"select {metric.formula.sql(sums=True)} as {metric.name} from {model.relation}"
    except ValueError:  # a percentile
        return ""


def _computed(content: Content, metric: Metric) -> str:
    formula = metric.formula.words()
    ratio = metric.formula.numerator is not None
    entries = [
        ("Formula", content.prose(formula) if formula is not None else "by its model"),
        ("Over several rows", "the ratio of the summed columns, never a mean of ratios" if ratio else ""),
        ("Grain", content.prose(metric.grain)),
    ]
    words = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in entries if value)
    return f'<dl class="lists">{words}</dl>'


def _stands(content: Content, metric: Metric, models: list[Model]) -> str:
    rows = []
    for model in models:
        names = {column.name for column in model.columns}
        column = metric.column_name if metric.column_name in names else None
        where = "computed where it is shown" if metric.column_name is None else "under another name, or as its parts"
        if column is not None and content.is_closed(model):  # its page has no columns here
            where = f"<code>{breakable(column)}</code>"
        elif column is not None:
            page = content.page(model.relation)
            where = f'<a href="{text(page)}#c-{text(column)}"><code>{breakable(column)}</code></a>'
        rows.append((content.link(model.relation), where, content.prose(model.grain), unbroken(model.owner)))
    return table(("Model", "Column", "What it holds", "Owner"), rows, "words")
