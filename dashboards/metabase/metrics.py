"""Metrics of the metric layer as metrics of Metabase's: ratios of sums over a report, for its query builder.

Such a metric is a query of Metabase's own language (MBQL 5), which SQL cannot take the place of. Only ratios become
one: each part sums up over whatever is asked for, and rows that cover all clients double both parts alike.
Percentiles, indices and counts do not: over several rows they would be wrong. Here a metric's clause names columns,

    ["/", ["sum", "internal_hire_count"], ["+", ["sum", "internal_hire_count"], ["sum", "external_hire_count"]]]

which is the same on every server; on its way it gets the server's numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import sqlglot
from sqlglot import exp

from dashboards.metabase.wanted import Item
from dashboards.metrics import Formula, Metric

Clause = Any  # a JSON tree: [operator, part, ...], a number
COLLECTION: Final = "analysts"
_OPERATORS: Final[Mapping[type[exp.Expr], str]] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*"}
_OTHER: Final = "(another query)"


def metric_items(metrics: Mapping[str, Metric], columns: Mapping[str, Sequence[str]], database: int) -> Iterator[Item]:
    """Give the metrics that are ratios; `columns` are those of the tables that the server knows, by model."""
    for metric in metrics.values():
        clause, model = clause_of(metric.formula), metric.models[0]
        if clause is None or not metric.formula.columns <= set(columns.get(model, ())):
            continue
        words = [metric.definition, metric.caveats, f"Owner: {metric.owner}. Model: {model}; {metric.grain}."]
        yield Item("card", f"metric_{metric.name}", {
            "name": metric.label,
            "type": "metric",
            "description": "\n\n".join(word for word in words if word),
            "collection": COLLECTION,
            "database": database,
            "source": model,
            "clause": clause,
            "embedding": None,
            "archived": False,
            "display": "scalar",
            "settings": {},
        })  # fmt: skip


def clause_of(formula: Formula) -> Clause | None:
    """Write a ratio of sums as a clause; None for what no ratio of sums is."""
    if formula.numerator is None or formula.denominator is None:
        return None
    parts = [_summed(sqlglot.parse_one(text, dialect="duckdb")) for text in (formula.numerator, formula.denominator)]
    return None if None in parts else ["/", *parts]


def stages(fields: Mapping[str, Any], tables: Mapping[str, int], columns: Mapping[str, int]) -> list[dict[str, Any]]:
    """Write a metric's query with the server's numbers."""
    model = fields["source"]
    return [
        {
            "lib/type": "mbql.stage/mbql",
            "source-table": tables[model],
            "aggregation": [_numbered(fields["clause"], model, columns, {"display-name": fields["name"]})],
        }
    ]


def measured(
    read: Sequence[Mapping[str, Any]], tables: Mapping[int, str], columns: Mapping[int, str]
) -> dict[str, Any]:
    """Read a query's stages back into `source` and `clause`; a query of another shape says so, SQL gives nothing."""
    if len(read) != 1 or read[0].get("lib/type") != "mbql.stage/mbql":
        return {}
    stage = read[0]
    source = tables.get(stage.get("source-table", 0), _OTHER)
    clauses = stage.get("aggregation") or []
    more = set(stage) - {"lib/type", "lib/uuid", "source-table", "aggregation"}
    if len(clauses) != 1 or any(stage[name] for name in more):
        return {"source": source, "clause": _OTHER}
    return {"source": source, "clause": _named(clauses[0], columns)}


def _summed(tree: exp.Expr) -> Clause | None:
    """Sum each column: over several rows a formula of columns is that of their sums, but for products of two."""
    if isinstance(tree, exp.Column):
        return ["sum", tree.name]
    if isinstance(tree, exp.Literal) and tree.is_int:
        return int(tree.name)
    if isinstance(tree, exp.Paren):
        return _summed(tree.this)
    operator = _OPERATORS.get(type(tree))
    if operator is None or (operator == "*" and not any(isinstance(part, exp.Literal) for part in tree.args.values())):
        return None
    parts = [_summed(tree.this), _summed(tree.expression)]
    return None if None in parts else [operator, *parts]


def _numbered(clause: Clause, model: str, columns: Mapping[str, int], options: Mapping[str, str]) -> Clause:
    if not isinstance(clause, list):
        return clause
    operator, *parts = clause
    if operator == "sum":
        return ["sum", dict(options), ["field", {}, columns[f"{model}.{parts[0]}"]]]
    return [operator, dict(options), *(_numbered(part, model, columns, {}) for part in parts)]


def _named(clause: Clause, columns: Mapping[int, str]) -> Clause:
    if not isinstance(clause, list):
        return clause
    operator, _, *parts = clause
    if operator == "sum" and isinstance(parts[0], list) and parts[0][0] == "field":
        return ["sum", columns.get(parts[0][2], _OTHER).partition(".")[2] or _OTHER]
    return [operator, *(_named(part, columns) for part in parts)]
