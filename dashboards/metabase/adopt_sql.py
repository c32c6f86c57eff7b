"""A card's SQL as somebody wrote it in Metabase, as it stands in a file: in DuckDB's dialect, tables by `ref`.

There a filter's value goes into a variable of the SQL. A card of Flux's returns rows for each value and for all of them
instead. So the query is asked once for each choice, beside one another,

    select choice.client, card.week, card.applications
    from (select 'All' as client union all select distinct client_name from ...) as choice
    cross join lateral (the query, with `choice.client = 'All' or client_name = choice.client`) as card

which says the same of any query whose variable is compared with a column. Variables that no filter sets have the value
that Metabase gives them where nothing is chosen: their default, or none, and then what stands in [[ ]] is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from dashboards.compile import READABLE_SCHEMAS
from dashboards.metabase.errors import AdoptError
from dashboards.metabase.native import without_order
from dashboards.metabase.origin import Origin, origin_of

Json = dict[str, Any]  # Any: the server's own shape
SERVED: Final = "serving"
_REF: Final = "flux_ref_{}_fer_xulf"
_REF_BACK: Final = re.compile(r'"?flux_ref_(\w+?)_fer_xulf"?')
_VARIABLE: Final = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
_OPTIONAL: Final = re.compile(r"\[\[(.*?)\]\]", re.DOTALL)
_MARK: Final = "flux_variable"
_ALL: Final = "flux-all-values"
_CHOSEN_BY: Final = frozenset({"text", "number", "boolean", "date"})  # kinds of variables that hold one value
_WIDGETS: Final = re.compile(
    r"(string|number|boolean)/=|id|category|location/\w+"
)  # field filters that are an equality


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter as a card obeys it: its key, the column that its values stand in, the variable, and a list of values."""

    key: str
    column: str
    variable: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """What is known of the database: models by where Metabase reads them, their columns, and fields by number."""

    engine: str
    models: Mapping[str, str]
    columns: Mapping[str, Sequence[str]]
    fields: Mapping[int, str]

    @classmethod
    def of(
        cls, engine: str, relations: Mapping[str, str], columns: Mapping[str, Sequence[str]], fields: Mapping[int, str]
    ) -> Place:
        """Tell where the models of `relations` are for Metabase; `fields` are `model.column` by number."""
        there = {}
        for model, relation in relations.items():
            schema, _, name = relation.partition(".")
            if schema in READABLE_SCHEMAS:
                there[f"{SERVED if engine == 'postgres' else schema}.{name}"] = model
        held = {place: columns.get(relations[model], ()) for place, model in there.items()}
        return cls(engine, there, held, fields)


def origin_in(sql: str, tags: Mapping[str, Json], place: Place, card: str, choice: Choice) -> Origin | None:
    """Tell the column that a card compares its variable with, when it is one of a model. Raises AdoptError."""
    tree = _parsed(_with_marks(sql, tags, choice.variable, card), place, card)
    return _open_to_choice(tree, tags[choice.variable], choice, place, card)


def authored(
    sql: str,
    tags: Mapping[str, Json],
    place: Place,
    card: str,
    *,
    choice: Choice | None = None,
    origin: Origin | None = None,
    returned: Sequence[str] = (),
) -> str:
    """Write a card's SQL as it stands in a file. Raises AdoptError.

    `choice` is the filter that the card obeys, `origin` the column with its values, `returned` names what the card
    gives.
    """
    tree = _parsed(_with_marks(sql, tags, choice.variable if choice is not None else None, card), place, card)
    if choice is not None:
        _open_to_choice(tree, tags[choice.variable], choice, place, card)
        if origin is None and not choice.values:
            raise AdoptError(
                f"the values of the filter {choice.key!r} are those of no column of a model in the card {card!r};"
                f" give it a list of values there, or adopt without it (--without {choice.key})"
            )
        tree = _asked_for_each(tree, choice, origin, returned)
    elif isinstance(tree, exp.Query) and tree.args.get("order") is None:
        tree = tree.order_by("1")
    _by_reference(tree, place, card)
    text = _REF_BACK.sub(r"{{ ref('\1') }}", tree.sql(dialect="duckdb", pretty=True))
    if choice is not None:
        text = text.replace(f"'{_ALL}'", f"{{{{ filter('{choice.key}') }}}}")
    return text + "\n"


def _parsed(sql: str, place: Place, card: str) -> exp.Expr:
    try:
        return sqlglot.parse_one(sql, dialect=place.engine)
    except sqlglot.errors.SqlglotError as error:
        raise AdoptError(f"the SQL of the card {card!r} cannot be read") from error


# ---------- variables


def _with_marks(sql: str, tags: Mapping[str, Json], chosen: str | None, card: str) -> str:
    """Put a name that SQL can be parsed with in the place of the chosen variable, and their defaults in the others'."""

    def optional(match: re.Match[str]) -> str:
        names = _VARIABLE.findall(match.group(1))
        is_given = all(name == chosen or _default(tags.get(name, {})) is not None for name in names)
        return match.group(1) if names and is_given else ""

    def variable(match: re.Match[str]) -> str:
        name = match.group(1)
        tag = tags.get(name)
        if tag is None or tag["type"] not in (*_CHOSEN_BY, "dimension"):
            raise AdoptError(
                f"the card {card!r} has {match.group(0)} in its SQL, a snippet or another card; write its text there"
            )
        return _MARK if name == chosen else _literal(tag, card)

    return _VARIABLE.sub(variable, _OPTIONAL.sub(optional, sql)).strip().rstrip(";")


def _literal(tag: Json, card: str) -> str:
    """Write the value that a variable has where nothing is chosen."""
    default = _default(tag)
    if tag["type"] == "dimension":
        if default is None:
            return "1 = 1"  # as Metabase writes it
        raise AdoptError(
            f"the card {card!r} has the field filter {tag['name']!r} with a default and no filter of the dashboard;"
            " write the condition into its SQL"
        )
    if default is None:
        raise AdoptError(
            f"the card {card!r} has the variable {tag['name']!r} without a default and outside [[ ]]; give it one there"
        )
    if tag["type"] == "number":
        return str(float(default) if "." in str(default) else int(default))
    return "'" + str(default).replace("'", "''") + "'" if tag["type"] != "boolean" else str(default).lower()


def _default(tag: Json) -> Any:  # Any: JSON
    default = tag.get("default")
    default = default[0] if isinstance(default, list) and len(default) == 1 else default
    return None if default in ("", []) else default


def _open_to_choice(tree: exp.Expr, tag: Json, choice: Choice, place: Place, card: str) -> Origin | None:
    """Let each condition on the variable be met by all values, too; tell which column it is compared with."""
    marks = [one for one in tree.find_all(exp.Column) if one.name == _MARK]
    if not marks:  # inside quotation marks, say
        raise _no_equality(choice, card)
    found: list[Origin] = []
    scopes = traverse_scope(tree)
    for mark in marks:
        scope = next(one for one in scopes if any(node is mark for node in one.walk()))
        condition: exp.Expr = mark
        if tag["type"] == "dimension":
            column = _field(tag, scope, place, card)
            met: exp.Expr = exp.EQ(this=exp.cast(column.copy(), "text"), expression=_choice_of(choice))
        else:
            condition = _condition(mark, choice, card)
            columns = [one for one in condition.find_all(exp.Column) if one is not mark]
            if len(columns) != 1:
                raise _no_equality(choice, card)
            column = columns[0]
            met = condition.transform(lambda node, own=column: _met(node, tag, choice, own.name))
        if tag["type"] == "dimension" or _is_compared_itself(condition, column):
            origin = origin_of(column, scope, place.columns)
            found += [origin] if origin is not None else []
        is_all = exp.EQ(this=_choice_of(choice), expression=exp.Literal.string(_ALL))
        condition.replace(exp.paren(exp.or_(is_all, met, copy=False), copy=False))
    return found[0] if found else None


def _met(node: exp.Expr, tag: Json, choice: Choice, column: str) -> exp.Expr:
    """Put the choice in the variable's place; choices are words, so what is compared with them is one, too."""
    if not isinstance(node, exp.Column):
        return node
    if node.name == _MARK:
        return _choice_of(choice)
    return exp.cast(node, "text") if tag["type"] != "text" and node.name == column else node


def _is_compared_itself(condition: exp.Expr, column: exp.Column) -> bool:
    """Whether both sides are alike but for column and variable: `a = x`, `lower(a) = lower(x)`, `a in (x)`."""
    sides = [condition.this, *condition.expressions] if isinstance(condition, exp.In) else [
        condition.this, condition.expression,
    ]  # fmt: skip
    mark = exp.column(_MARK)
    alike = {one.transform(lambda node: mark.copy() if node in (column, mark) else node).sql() for one in sides}
    return len(sides) == 2 and len(alike) == 1


def _condition(mark: exp.Column, choice: Choice, card: str) -> exp.Expr:
    """Give the comparison that the variable stands in."""
    above = mark.find_ancestor(exp.Predicate)
    if not isinstance(above, exp.EQ | exp.In) or isinstance(above.parent, exp.Not):
        raise _no_equality(choice, card)
    return above


def _no_equality(choice: Choice, card: str) -> AdoptError:
    return AdoptError(
        f"the card {card!r} does more with the variable {choice.variable!r} than compare a column with it; a filter of"
        f" Flux's chooses one value of a column: adopt without it (--without {choice.key})"
    )


def _field(tag: Json, scope: Scope, place: Place, card: str) -> exp.Column:
    """Name the column of a field filter as the SELECT around it does."""
    if not _WIDGETS.fullmatch(str(tag.get("widget-type") or "category")):
        raise AdoptError(
            f"the card {card!r} has the field filter {tag['name']!r} of the kind {tag['widget-type']!r}; a filter of"
            " Flux's chooses one value of a column: adopt without it (--without)"
        )
    clause = tag.get("dimension") or []
    number = next((part for part in clause[1:] if isinstance(part, int)), 0)
    model, _, name = place.fields.get(number, "").partition(".")
    tables = [
        alias
        for alias, (_, source) in scope.selected_sources.items()
        if isinstance(source, exp.Table) and place.models.get(f"{source.db}.{source.name}") == model
    ]
    if not model or len(tables) != 1:
        raise AdoptError(
            f"the card {card!r} has the field filter {tag['name']!r}, whose table it does not read just once; write the"
            " condition into its SQL, with a variable"
        )
    return exp.column(name, table=tables[0], quoted=True)


def _choice_of(choice: Choice) -> exp.Column:
    return exp.column(choice.column, table="choice", quoted=True)


def _asked_for_each(tree: exp.Expr, choice: Choice, origin: Origin | None, returned: Sequence[str]) -> exp.Select:
    """Ask the query for each choice."""
    assert isinstance(tree, exp.Query)  # it ran there and gave rows
    order, is_cut = tree.args.get("order"), tree.args.get("limit") is not None
    order = order.copy() if order is not None and is_cut else None
    inner, outer = without_order(tree)
    if order is not None:  # which rows are the first ones is the query's own matter
        inner.set("order", order)
    name = exp.to_identifier(choice.column, quoted=True)
    every: exp.Query = exp.select(exp.alias_(exp.Literal.string(_ALL), name))
    for one in _values(choice, origin):
        every = exp.union(every, one, distinct=False, copy=False)
    given = [_choice_of(choice), *(exp.column(one, table="card", quoted=True) for one in returned)]
    lateral = exp.Lateral(this=inner.subquery(copy=False), alias=exp.TableAlias(this=exp.to_identifier("card")))
    query = exp.select(*given).from_(every.subquery("choice", copy=False)).join(lateral, join_type="cross")
    return query.order_by(_choice_of(choice), *(outer or [exp.Literal.number(2)]))


def _values(choice: Choice, origin: Origin | None) -> Iterator[exp.Select]:
    if choice.values or origin is None:
        for value in choice.values:
            yield exp.select(exp.Literal.string(value))
        return
    schema, _, name = origin.relation.partition(".")
    column = exp.column(origin.column, quoted=True)
    values = exp.select(exp.cast(column, "text")).distinct().from_(exp.table_(name, db=schema))
    yield values.where(exp.not_(exp.Is(this=column.copy(), expression=exp.null())))


# ---------- tables


def _by_reference(tree: exp.Expr, place: Place, card: str) -> None:
    """Name tables by `ref`. Raises AdoptError for one that is no published model."""
    defined = {one.alias_or_name for one in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        model = place.models.get(f"{table.db}.{table.name}")
        if model is None and not table.db and table.name in defined:
            continue
        if model is None:
            raise AdoptError(
                f"the card {card!r} reads {table.sql(dialect=place.engine)}, which is no published model of"
                f" {' or '.join(READABLE_SCHEMAS)}"
            )
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name)))
        table.set("db", None)
        table.set("this", exp.to_identifier(_REF.format(model)))
