"""Mistakes in definitions: edits as (file, right, wrong), the place that is named, words of the message.

`right` is empty where the whole file is wrong. The definition that is edited is `small`.
"""

from __future__ import annotations

Y, A, W, L = "small.yaml", "audiences.yaml", "cards/weekly.sql", "cards/listing.sql"
WEEKLY = "select client_name, week, rows_made from {{ ref('rpt_weekly') }} order by 1, 2"
LISTING = "select name, amount from {{ ref('fct_rows') }} order by name"
LINE = "    chart: line\n"
GRAIN = "    grain: week\n"
ENCODE = "    encode: {x: week, y: [{column: rows_made, label: Rows}]}\n"
TABLE = "    definition: Every row.\n"
AMOUNT = "      - {column: amount, label: Amount, format: number}\n"
EXPECT = "      range: {rows_made: [0, 100]}\n"
AUDIT = (Y, "audience: leadership\n", "audience: auditors\n")
Mistake = tuple[list[tuple[str, str, str]], str, str]


def yaml(right: str, wrong: str, line: int, message: str) -> Mistake:
    return [(Y, right, wrong)], f"{Y}:{line}", message


def weekly(sql: str, line: int, message: str) -> Mistake:
    return [(W, "", sql)], f"{W}:{line}", message


def listing(sql: str, line: int, message: str) -> Mistake:
    return [(L, "", sql)], f"{L}:{line}", message


def audiences(right: str, wrong: str, line: int, message: str) -> Mistake:
    return [(A, right, wrong)], f"{A}:{line}", message


def drawn(chart: str, more: str, line: int, message: str) -> Mistake:
    """The first card drawn as another chart, with other keys."""
    return [(Y, LINE, f"    chart: {chart}\n"), (Y, ENCODE + GRAIN, more)], f"{Y}:{line}", message


MISTAKES: dict[str, Mistake] = {
    # ---------- the file
    "no YAML": ([(Y, "title: Small\n", "title: 'Small\n")], f"{Y}:31", "not readable as YAML"),
    "empty file": ([(Y, "", "")], f"{Y}:1", "the file is empty"),
    "unknown key": yaml("owner: Nobody\n", "ownr: Nobody\n", 4, "unknown key 'ownr' in the dashboard; did you mean"),
    "unknown key of a card": yaml("    title: Weekly\n", "    titel: Weekly\n", 12, "did you mean 'title'?"),
    "unknown key of encode": yaml("{x: week, y:", "{x: week, yy: [], y:", 15, "unknown key 'yy' in 'encode' of card"),
    "unknown key of expect": yaml("      not_null:", "      notnull:", 20, "unknown key 'notnull' in 'expect' of card"),
    "missing key": yaml("    definition: Rows in a week.\n", "", 12, "card 'weekly' lacks the key 'definition'"),
    "missing rows": yaml("rows:\n  - {weekly: 8, listing: 16}\n", "", 1, "the dashboard lacks the key 'rows'"),
    "doubled key": yaml(GRAIN, GRAIN + "    grain: day\n", 17, "key 'grain' of card 'weekly' is given twice, first in"),
    "list in place of a value": yaml("title: Small\n", "title: [a]\n", 1, "'title' of the dashboard must be a single"),
    "value in place of a list": yaml(
        "filters: [client]", "filters: client", 17, "'filters' of card 'weekly' must be a"
    ),
    "value in place of a mapping": yaml(ENCODE, "    encode: week\n", 15, "must be a mapping of names to values"),
    "flag that is none": yaml("format: number}", "format: number, bar: 1}", 29, "must be true or false, not '1'"),
    "number that is none": yaml("order: 1\n", "order: first\n", 3, "'order' of the dashboard must be a number"),
    "empty text": yaml("title: Small\n", 'title: ""\n', 1, "'title' of the dashboard is empty"),
    "key that is no name": yaml("  weekly:\n", "  Weekly-2:\n", 12, "card key 'Weekly-2' must be lower snake case"),
    # ---------- the page
    "no question": yaml("Is it small?", "How small it is", 2, "asks nothing; end it with a question mark"),
    "unknown audience": yaml("audience: leadership", "audience: leaders", 5, "no audience 'leaders'; did you mean"),
    "link to elsewhere": yaml(
        "filters:\n", "links: [{label: Away, href: 'https://example.org'}]\nfilters:\n", 6, "relative"
    ),
    "row too wide": yaml("listing: 16}", "listing: 17}", 9, "widths 8 + 17 sum to 25; a row must fill 24"),
    "row too narrow": yaml("listing: 16}", "listing: 8}", 9, "sum to 16; a row must fill 24"),
    "width out of the grid": yaml("weekly: 8", "weekly: 0", 9, "the width of 'weekly' is 0; it must be 1 to 24"),
    "width that is no number": yaml("weekly: 8", "weekly: wide", 9, "the width of 'weekly' must be a number"),
    "card placed nowhere": yaml("{weekly: 8, listing: 16}", "{weekly: 24}", 23, "card 'listing' stands in no row"),
    "card placed twice": yaml("rows:\n", "rows:\n  - {weekly: 24}\n", 10, "'weekly' is placed twice, first in line 9"),
    "unknown card in a row": yaml("weekly: 8", "wekly: 8", 9, "an unknown card 'wekly'; did you mean 'weekly'?"),
    "one title for two cards": yaml("title: Listing", "title: Weekly", 1, "have the title 'Weekly'; give each its own"),
    "filter of no card": yaml("    filters: [client]\n", "", 7, "filter 'client' is obeyed by no card"),
    "unknown filter": yaml(
        "filters: [client]", "filters: [clint]", 12, "unknown filter 'clint'; did you mean 'client'?"
    ),
    "filter named twice": yaml(
        "filters: [client]", "filters: [client, client]", 17, "names 'client' twice; delete one"
    ),
    "two filters": (
        [
            (Y, "filters:\n", "filters:\n  team: {label: Team, column: team, all: All teams}\n"),
            (Y, "filters: [client]", "filters: [client, team]"),
        ],
        f"{Y}:13",
        "card 'weekly' obeys 2 filters; one is what pages can show",
    ),
    "order that is taken": (
        [("other.yaml", "", "title: O\nquestion: O?\norder: 1\nowner: O\nrows: []\ncards: {}\n")],
        f"{Y}:1",
        "order 1 is taken by other.yaml",
    ),
    "card of another page": (
        [
            (
                "other.yaml",
                "",
                "title: O\nquestion: O?\norder: 2\nowner: O\nrows: [{listing: 24}]\ncards:\n  listing:\n    title: L\n"
                "    chart: table\n    definition: L.\n    columns: [{column: name, label: N}]\n"
                "    expect: {rows: '> 0'}\n",
            )
        ],
        "other.yaml:7",
        "card 'listing' is also defined in small.yaml",
    ),
    # ---------- how a card is drawn
    "unknown chart": yaml(LINE, "    chart: lime\n", 13, "cannot be 'lime'; did you mean 'line'?"),
    "pie chart": yaml(LINE, "    chart: pie\n", 13, "'chart' of card 'weekly' cannot be 'pie'"),
    "unknown format": yaml("format: number}", "format: nmber}", 29, "cannot be 'nmber'; did you mean 'number'?"),
    "time without grain": yaml(GRAIN, "", 12, "card 'weekly' (line) needs 'grain': day, week or month"),
    "chart without x": yaml("{x: week, y", "{y", 12, "card 'weekly' (line) needs encode.x"),
    "chart without y": yaml(", y: [{column: rows_made, label: Rows}]", "", 12, "card 'weekly' (line) needs encode.y"),
    "measure twice": yaml(
        "label: Rows}]", "label: Rows}, {column: rows_made}]", 12, "names 'rows_made' twice; delete one"
    ),
    "two measures in a funnel": drawn(
        "funnel", "    encode: {x: client_name, y: [{column: rows_made}, {column: week}]}\n", 12, "takes one measure"
    ),
    "heatmap without rows": drawn(
        "heatmap", "    encode: {x: week, y: [{column: rows_made}]}\n", 12, "(heatmap) needs encode.series"
    ),
    "series where none is drawn": drawn(
        "dot",
        "    encode: {x: week, y: [{column: rows_made}], series: client_name}\n",
        12,
        "which it cannot draw; delete it",
    ),
    "series that is x": yaml("{x: week, y", "{x: week, series: week, y", 12, "draws column 'week' twice"),
    "colours without series": yaml(
        "{x: week, y", "{x: week, colours: {a: second}, y", 12, "give each measure a 'colour'"
    ),
    "unknown colour": yaml("label: Rows}]", "label: Rows, colour: red}]", 15, "cannot be 'red'; known are demand"),
    "detail of a chart": yaml("{x: week, y", "{x: week, detail: client_name, y", 12, "only a tile without x knows"),
    "name as a measure's format": yaml(
        GRAIN, GRAIN + "    format: text\n", 17, "'format' of card 'weekly' must be one of numbers"
    ),
    "bar that does not begin at zero": (
        [(Y, LINE, "    chart: bar\n    origin: data\n")],
        f"{Y}:12",
        "must begin at zero: its lengths stand for values",
    ),
    "key of tiles only": yaml(
        GRAIN, GRAIN + "    window: 4 weeks\n", 17, "has 'window', which only kpi draw; delete it"
    ),
    "stock that is a line": yaml(GRAIN, GRAIN + "    stock: true\n", 17, "has 'stock', which only kpi draw; delete it"),
    "comparison in a line": yaml(
        GRAIN, GRAIN + "    compare: 4\n", 17, "has 'compare', which only kpi draw; delete it"
    ),
    "key of heatmaps only": yaml(GRAIN, GRAIN + "    low: few\n", 17, "has 'low', which only heatmap draw; delete it"),
    "target of a table": yaml(
        TABLE, TABLE + "    target: 3\n", 27, "has 'target', which only bar, dot, kpi, line, row draw"
    ),
    "unit of a tile": (
        [(Y, LINE, "    chart: kpi\n"), (Y, GRAIN, GRAIN + "    unit: rows\n")],
        f"{Y}:17",
        "has 'unit', which only area, bar, dot, funnel, heatmap, line, row draw",
    ),
    "grain without time": (
        [(Y, LINE, "    chart: row\n")],
        f"{Y}:16",
        "has 'grain', which only area, bar, kpi, line draw",
    ),
    "comparison beyond what is shown": (
        [(Y, LINE, "    chart: kpi\n"), (Y, GRAIN, GRAIN + "    compare: 26\n")],
        f"{Y}:12",
        "compares 26 periods back and shows 26 of them",
    ),
    "no period": yaml(GRAIN, GRAIN + "    periods: 0\n", 17, "'periods' of card 'weekly' is 0; it must be above zero"),
    "no time at all": yaml(GRAIN, GRAIN + "    budget_seconds: 0\n", 17, "'budget_seconds' of card 'weekly' is 0"),
    "always late": yaml(GRAIN, GRAIN + "    max_age_hours: -1\n", 17, "'max_age_hours' of card 'weekly' is -1"),
    "loss of what is no funnel": yaml(GRAIN, GRAIN + "    note: largest_loss\n", 12, "only a funnel loses; delete it"),
    "extremes of time": yaml(GRAIN, GRAIN + "    note: extremes\n", 12, "only row and dot have names to give"),
    "last of many": (
        [(Y, "{x: week, y", "{x: week, series: client_name, y"), (Y, GRAIN, GRAIN + "    note: last\n")],
        f"{Y}:12",
        "cannot have the note 'last': it has no single last value",
    ),
    "table without columns": yaml(
        "    columns:\n", "    column:\n", 27, "unknown key 'column' in card 'listing'; did you"
    ),
    "table that encodes": yaml(TABLE, TABLE + "    encode: {x: name}\n", 28, "give 'columns' in place of 'encode'"),
    "columns of a chart": yaml(
        GRAIN, GRAIN + "    columns: [{column: week, label: W}]\n", 17, "which only a table knows"
    ),
    "column twice": yaml(AMOUNT, AMOUNT * 2, 27, "names 'amount' twice; delete one"),
    "bar behind words": yaml(
        "label: Name}", "label: Name, bar: true}", 28, "has a bar but no number; give it a format"
    ),
    # ---------- what a card promises
    "no expectation": yaml(
        "    expect: {unique: [name]}\n", "", 24, "card 'listing' expects nothing; give it 'expect'"
    ),
    "comparison that is none": yaml(
        'rows: "> 0"', "rows: some", 19, "rows 'some' is no comparison; write for instance"
    ),
    "range upside down": yaml("[0, 100]", "[100, 0]", 19, "range of 'rows_made' needs [lowest, highest]"),
    "cells that are too small": yaml(
        EXPECT, EXPECT + "      small_cells: {column: rows_made, least: 2}\n", 23, "5 is the"
    ),
    "unknown metric": yaml(TABLE, TABLE + "    metric: shar\n", 24, "unknown metric 'shar'; did you mean 'share'?"),
    "direction against the metric": yaml(
        TABLE,
        TABLE + "    metric: share\n    better: down\n",
        28,
        "says better: down, its metric says up; delete it here",
    ),
    "median of anybody": (
        [(W, "rows_made from", "{{ metric('middle') }} as rows_made from")],
        f"{Y}:18",
        "shows the percentile 'middle' without expect.small_cells; return the number of people",
    ),
    "reconciled with an unknown model": yaml(
        EXPECT,
        EXPECT + "      reconcile: {column: rows_made, equals: \"select 1 from {{ ref('rpt_weakly') }}\"}\n",
        23,
        "reconcile of card 'weekly': model 'rpt_weakly' does not exist; did you mean 'rpt_weekly'?",
    ),
    "reconciled with two numbers": yaml(
        EXPECT,
        EXPECT
        + "      reconcile: {column: rows_made, equals: \"select 1 as a, 2 as b from {{ ref('rpt_weekly') }}\"}\n",
        23,
        "reconcile of card 'weekly' must return one number, not a, b",
    ),
    # ---------- the query
    "no query": yaml(
        "    definition: Every row.\n", "    definition: Every row.\n    sql: listin\n", 27, "did you mean 'listing'"
    ),
    "query of no card": (
        [("cards/orphan.sql", "", "select 1")],
        "cards/orphan.sql:1",
        "no card uses this file; delete it",
    ),
    "unknown model": weekly("select 1\nfrom {{ ref('rpt_weakly') }}", 2, "'rpt_weakly' does not exist; did you mean"),
    "no model": weekly("select 1", 1, "the card reads no model; name one with {{ ref('model') }}"),
    "unknown tag": weekly(
        "select 1\nfrom {{ source('a', 'b') }}", 2, "is unknown; a card may only use {{ ref('model') }}"
    ),
    "block of Jinja": weekly("{% if true %}select 1{% endif %}", 1, "tag '{% if true %}' is unknown"),
    "filter that is not obeyed": listing(
        LISTING.replace("select", "select\n{{ filter('client') }} as a,"), 2, "which card 'listing' does not obey"
    ),
    "unknown metric in the query": weekly(
        WEEKLY.replace("rows_made", "{{ metric('shar') }}", 1), 1, "metric 'shar' does"
    ),
    "percentile of sums": (
        [(W, "rows_made", "{{ metric_of_sums('middle') }}"), (Y, EXPECT, EXPECT + "      small_cells: {column: a}\n")],
        f"{W}:1",
        "is a percentile: it cannot be made of sums",
    ),
    "model of a layer below": listing(
        "select 1\nfrom {{ ref('stg_app__rows') }}", 2, "may read marts and reporting only"
    ),
    "restricted model": listing(
        "select 1\nfrom {{ ref('rpt_audit_summary') }}",
        2,
        "reads 'restricted.rpt_audit_summary'; cards of its audience",
    ),
    "relation without reference": listing(LISTING + ",\n(select max(a) from marts.fct_x)", 2, "use {{ ref('fct_x') }}"),
    "file": listing("select name from {{ ref('fct_rows') }},\n'rows.csv'", 2, "the card names 'rows.csv' directly"),
    "function that reads a file": listing(
        "select 1 from {{ ref('fct_rows') }}, read_csv('x')", 1, "calls 'read_csv', which"
    ),
    "statement that writes": listing("delete from {{ ref('fct_rows') }}", 1, "a card is one SELECT"),
    "two statements": listing(f"{LISTING}; select 2", 1, "a card is one SELECT"),
    "no SQL": listing("select name\nfrom where {{ ref('fct_rows') }} (", 2, "the SQL cannot be parsed: syntax error"),
    "time of the build": listing(
        LISTING.replace("amount", "\nnow() as amount"), 2, "'now' differs from build to build"
    ),
    "day of the build": listing(
        LISTING.replace("amount", "\ncurrent_date as d"), 2, "'current_date' differs from build"
    ),
    "chance": listing(LISTING.replace("amount", "\nrandom() as amount"), 2, "'random' differs from build to build"),
    "star": listing(LISTING.replace("name, amount", "\n*"), 2, "the last select says *; name its columns"),
    "no order": listing(LISTING.replace(" order by name", ""), 1, "states no order; end it with an order by"),
    "two kinds of places": (
        [
            (A, "directory: site}", "directory: site, reads: [marts, reporting, restricted]}"),
            (L, "fct_rows') }}", "fct_rows') }}, {{ ref('rpt_audit_summary') }} as b"),
        ],
        f"{L}:1",
        "these are not in one place, make two cards of it",
    ),
    # ---------- what the query returns
    "column that no model has": listing(
        "select name,\namonut as amount from {{ ref('fct_rows') }} order by 1", 2, '"amonut"'
    ),
    "column drawn and not returned": (
        [(W, "rows_made", "rows_made as made")],
        f"{Y}:15",
        "column 'rows_made' is drawn as a measure and not returned; did you mean",
    ),
    "column of a table not returned": yaml("{column: amount, l", "{column: amounts, l", 29, "did you mean 'amount'?"),
    "column expected and not returned": yaml(
        "unique: [name]", "unique: [nam]", 30, "is expected and not returned; did you"
    ),
    "words as a measure": yaml(
        "{column: rows_made, label", "{column: client_name, label", 15, "which takes a number; the"
    ),
    "number as words": yaml(
        ", format: number}", "}", 29, "column 'amount' is drawn as text, which takes text; the query"
    ),
    "number as a state": yaml("format: number}", "format: status}", 29, "drawn as status, which takes text"),
    "number as a date": yaml(
        "format: number}", "format: date}", 29, "drawn as date, which takes a date; the query returns"
    ),
    "time that is none": (
        [(W, "week,", "week::varchar as week,")],
        f"{Y}:15",
        "column 'week' is drawn along x, which takes a date; the query returns varchar",
    ),
    "filter that chooses nothing": yaml(
        "column: client_name, all", "column: client, all", 17, "'client' is what filter"
    ),
    "range of words": yaml(
        "{rows_made: [0, 100]}", "{client_name: [0, 100]}", 21, "is held against numbers, which takes a"
    ),
    # ---------- audiences
    "unknown schema": audiences("[restricted]", "[restrict]", 6, "cannot be 'restrict'; did you mean 'restricted'?"),
    "audience that sees nobody": audiences("directory: site}", "directory: site, sees: [auditor]}", 1, "did you mean"),
    "audience that sees too much": audiences(
        "directory: site}", "directory: site, sees: [auditors]}", 1, "is restricted;"
    ),
    "directory of another": audiences(
        "directory: site-audit", "directory: site", 2, "has the directory of 'leadership'"
    ),
    "directory elsewhere": audiences("directory: site-audit", "directory: ../audit", 3, "must be one lower-case name"),
    "restricted beside its summary": (
        [AUDIT, (W, "rpt_weekly", "rpt_audit")],
        f"{W}:1",
        "of 'restricted' a page shows summaries only, in which small cells are hidden",
    ),
    "restricted without counting": (
        [AUDIT, (W, "rpt_weekly", "rpt_audit_summary")],
        f"{W}:1",
        "without expect.small_cells; name the column that counts people",
    ),
}
