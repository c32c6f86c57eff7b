"""What BigQuery and Snowflake would not take of a statement, as far as a reader can tell: nothing here asks an engine.

sqlglot reads the statement in the warehouse's dialect. It is lenient: what it lets pass is checked beside it, on
its tokens and its tree. Functions, types and operators that the warehouse lacks; quotes and reserved words; what it
binds otherwise (names in group by, joins). Sources: cloud.google.com/bigquery/docs/reference/standard-sql
(functions-all, data-types, lexical, query-syntax) and docs.snowflake.com/en/sql-reference (functions-all, data-
types, reserved-keywords, constructs).

The lists of functions hold what our models call, not what there is: a model that needs another looks it up there
and adds it, or finds that it has to be a macro.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError
from sqlglot.tokenizer_core import Token, TokenType


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BOTH = _words("""
    abs avg cast coalesce count date_trunc exp extract first_value floor greatest lag lead least length ln lower
    max md5 min mod nullif parse_json regexp_replace replace round row_number rtrim sqrt substr sum trim upper
""")
FUNCTIONS = {
    "bigquery": _BOTH
    | _words("""
        array array_agg ceil date date_diff format_timestamp generate_array generate_date_array json_value
        logical_and logical_or regexp_contains regexp_extract regexp_extract_all safe_cast safe_offset
        starts_with string_agg timestamp timestamp_diff to_hex to_json_string unix_micros unnest
    """),
    "snowflake": _BOTH
    | _words("""
        array_contains array_generate_range booland_agg boolor_agg convert_timezone date_part dateadd datediff
        dayofweekiso flatten generator json_extract_path_text left listagg match_condition percentile_cont regexp_instr
        regexp_substr regexp_substr_all seq4 table to_json to_number to_timestamp_tz to_variant to_varchar transform
        bitshiftright try_cast weekiso
    """),
}
_PARAMETERS = r"(\(\d+(,\d+)?\))?"
TYPES = {
    "bigquery": re.compile(
        rf"string|int64|bigint|integer|float64|bool|boolean|date|timestamp|(big)?numeric{_PARAMETERS}|array<\w+>"
    ),
    "snowflake": re.compile(
        rf"text|bigint|int|integer|double precision|boolean|date|timestamp_n?tz|(numeric|decimal){_PARAMETERS}|array"
    ),
}
_LACKS = {
    "bigquery": _words(":: -> ->> ~ ^ ilike lateral qualify"),
    "snowflake": _words("->> ~ ^ interval qualify"),
}
# Words that no column, table or alias may be called without quotes.
_RESERVED = {
    "bigquery": _words("""
        all and any array as asc assert_rows_modified at between by case cast collate contains create cross cube
        current default define desc distinct else end enum escape except exclude exists extract false fetch
        following for from full group grouping groups hash having if ignore in inner intersect interval into is
        join lateral left like limit lookup merge natural new no not null nulls of on or order outer over
        partition preceding proto qualify range recursive respect right rollup rows select set some struct
        tablesample then to treat true unbounded union unnest using when where window with within
    """),
    "snowflake": _words("""
        account all alter and any as between by case cast check column connect connection constraint create
        cross current current_date current_time current_timestamp current_user database delete distinct drop
        else exists false following for from full grant group gscluster having ilike in increment inner insert
        intersect into is issue join lateral left like localtime localtimestamp minus natural not null of on or
        order organization qualify regexp revoke right rlike row rows sample schema select set some start table
        tablesample then to trigger true try_cast union unique update using values view when whenever where with
    """),
}
# Words before a bracket that call nothing.
_NO_CALL = _words("""
    all and as between by distinct else exists from group having in intersect interval join not on or over select sets
    then union when where
""")


def faults(sql: str, dialect: str) -> list[str]:
    """Return what is wrong with one statement in a dialect (bigquery or snowflake), in no more words than needed."""
    try:
        trees = sqlglot.parse(sql, read=dialect, error_level=ErrorLevel.RAISE)
        tokens = sqlglot.tokenize(sql, read=dialect)
    except (SqlglotError, ValueError) as error:
        return [f"cannot be read: {str(error).splitlines()[0]}"]
    if len(trees) != 1 or (tree := trees[0]) is None:
        return ["is not one statement"]
    found = [fault for rule in _TOKEN_RULES for fault in rule(sql, tokens, dialect)]
    found += [fault for rule in _TREE_RULES for fault in rule(tree, dialect)]
    return sorted(set(found))


def _calls_what_there_is(sql: str, tokens: list[Token], dialect: str) -> Iterator[str]:
    for (before, word), (_, bracket) in pairwise(pairwise([tokens[0], *tokens])):
        name = word.text.lower()
        if bracket.token_type != TokenType.L_PAREN or not re.fullmatch(r"[a-z_]\w*", name):
            continue
        if name not in _NO_CALL and before.text.lower() != "as" and name not in FUNCTIONS[dialect]:
            yield f"calls {name}"


def _casts_to_its_types(sql: str, tokens: list[Token], dialect: str) -> Iterator[str]:
    for start, token in enumerate(tokens):
        if token.text.lower() not in ("cast", "safe_cast", "try_cast"):
            continue
        depth = 0
        words: list[str] = []
        for inner in tokens[start + 1 :]:
            depth += (inner.token_type == TokenType.L_PAREN) - (inner.token_type == TokenType.R_PAREN)
            if depth == 0:
                break
            words = [] if depth == 1 and inner.text.lower() == "as" else [*words, inner.text.lower()]
        name = re.sub(r" ?([(),<>]) ?", r"\1", " ".join(words))
        if not TYPES[dialect].fullmatch(name):
            yield f"casts to {name}"


def _uses_its_operators(sql: str, tokens: list[Token], dialect: str) -> Iterator[str]:
    for one, two in pairwise(tokens):
        if one.text.lower() in _LACKS[dialect] and one.token_type not in (TokenType.STRING, TokenType.IDENTIFIER):
            yield f"uses {one.text.lower()}"
        if dialect == "bigquery" and one.token_type == TokenType.INTERVAL and two.token_type == TokenType.STRING:
            yield "has an interval as a text"
        if dialect == "bigquery" and one.token_type == TokenType.UNION and two.text.lower() not in ("all", "distinct"):
            yield "has a union without all or distinct"


def _quotes_as_it_does(sql: str, tokens: list[Token], dialect: str) -> Iterator[str]:
    for token in tokens:
        if token.token_type != TokenType.STRING:
            continue
        if sql[token.start] == '"':
            yield "has a text in double quotes"
        inside = sql[token.start : token.end + 1]
        if dialect == "bigquery" and "\\" in inside:
            yield "has an escape in a text"
        if dialect == "snowflake" and "\\" in inside.replace("\\\\", ""):
            yield "has a single backslash in a text"


def _names_nothing_by_a_reserved_word(tree: exp.Expr, dialect: str) -> Iterator[str]:
    for name in tree.find_all(exp.Identifier):
        qualified = isinstance(name.parent, exp.Column) and name.arg_key == "this" and name.parent.args.get("table")
        if not name.quoted and not qualified and name.name.lower() in _RESERVED[dialect]:
            yield f"has the reserved word {name.name.lower()} for a name"


def _has_no_named_window(tree: exp.Expr, dialect: str) -> Iterator[str]:
    if dialect == "snowflake" and any(select.args.get("windows") for select in tree.find_all(exp.Select)):
        yield "names a window"


def _joins_as_bigquery_can(tree: exp.Expr, dialect: str) -> Iterator[str]:
    for join in tree.find_all(exp.Join):
        condition = join.args.get("on")
        if condition is not None and condition.find(exp.Query) is not None:
            yield "has a query in the condition of a join"
        parts: list[object] = [*condition.flatten()] if isinstance(condition, exp.And) else [condition]
        if join.side and not any(isinstance(part, exp.EQ) for part in parts):
            yield "has an outer join without an equality"


def _recurs_over_all_rows(tree: exp.Expr, dialect: str) -> Iterator[str]:
    for cte in tree.find_all(exp.CTE):
        recursive = cte.this if isinstance(cte.this, exp.Union) else None
        if recursive is None or not recursive.args.get("distinct"):
            continue
        if any(table.name == cte.alias for table in recursive.find_all(exp.Table)):
            yield "recurs over distinct rows"


def _groups_by_columns_that_no_alias_hides(tree: exp.Expr, dialect: str) -> Iterator[str]:
    """BigQuery takes the alias of the select list for a name in group by, the others the column."""
    for select in tree.find_all(exp.Select):
        aliases = {alias.alias: alias.this for alias in select.expressions if isinstance(alias, exp.Alias)}
        for column in select.args["group"].find_all(exp.Column) if select.args.get("group") else ():
            hidden = aliases.get(column.name)
            if (
                not column.table
                and hidden is not None
                and not (isinstance(hidden, exp.Column) and hidden.name == column.name)
            ):
                yield f"groups by {column.name}, which is an alias and a column"


def _names_no_column_like_its_relation(tree: exp.Expr, dialect: str) -> Iterator[str]:
    """BigQuery takes the relation's row for it."""
    for select in tree.find_all(exp.Select):
        sources = [select.args.get("from_") or select.args.get("from"), *(select.args.get("joins") or ())]
        names = {source.this.alias_or_name for source in sources if source is not None}
        for column in select.find_all(exp.Column):
            own = column.find_ancestor(exp.Select) is select and not isinstance(column.this, exp.Star)
            if own and not column.table and column.name in names:
                yield f"names {column.name}, which is a relation and a column"


def _makes_rows_in_from_alone(tree: exp.Expr, dialect: str) -> Iterator[str]:
    for select in tree.find_all(exp.Select):
        for projection in select.expressions:
            for call in projection.find_all(exp.Unnest, exp.Explode):
                if call.find_ancestor(exp.Select) is select and not isinstance(call.parent, exp.In):
                    yield "makes rows in a select list"


_TOKEN_RULES: tuple[Callable[[str, list[Token], str], Iterator[str]], ...] = (
    _calls_what_there_is,
    _casts_to_its_types,
    _uses_its_operators,
    _quotes_as_it_does,
)
_TREE_RULES: tuple[Callable[[exp.Expr, str], Iterator[str]], ...] = (
    _names_nothing_by_a_reserved_word,
    _has_no_named_window,
    _joins_as_bigquery_can,
    _recurs_over_all_rows,
    _groups_by_columns_that_no_alias_hides,
    _names_no_column_like_its_relation,
    _makes_rows_in_from_alone,
)
