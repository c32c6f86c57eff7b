"""Calls of macros with what they give, the same on every warehouse.

A case is a call in Jinja, or a whole query that names its column `found`, and the value. Helpers of the cases' project:
m, d, t, i, x are a moment, a date, a text, a whole number and a double (without an argument: NULL of that type), j a
document, column a relation with the column x.
"""

from __future__ import annotations

from hashlib import md5

from tests.dialects.pit_cases import PIT_JOINS

Cases = dict[str, list[tuple[str, object]]]
NEW_YORK, SAO_PAULO, AUCKLAND, KOLKATA = (
    "'America/New_York'",
    "'America/Sao_Paulo'",
    "'Pacific/Auckland'",
    "'Asia/Kolkata'",
)
UUID = "0f8fad5b-d9cb-469f-a165-70867728950e"
BIG = 2**63

DAYS: Cases = {
    "week_of": [
        ("week_of(d('2024-12-30'))", "2024-12-30"),
        ("week_of(d('2025-01-05'))", "2024-12-30"),
        ("week_of(d('2021-01-03'))", "2020-12-28"),
        ("week_of(d())", None),
    ],
    "period_of": [
        ("month_of(d('2024-02-29'))", "2024-02-01"),
        ("quarter_of(d('2024-12-31'))", "2024-10-01"),
        ("month_of(d())", None),
    ],
    "iso_weekday": [
        ("iso_weekday(d('2025-01-05'))", 7),
        ("iso_weekday(d('2025-01-06'))", 1),
        ("iso_weekday(d('2025-01-11'))", 6),
        ("iso_weekday(d())", None),
    ],
    "iso_week": [
        ("iso_week(d('2024-12-30'))", 1),
        ("iso_week(d('2020-12-31'))", 53),
        ("iso_week(d('2021-01-03'))", 53),
        ("iso_week(d('2023-01-01'))", 52),
        ("iso_week(d())", None),
    ],
    "days_between": [
        ("days_between(d('2024-02-28'), d('2024-03-01'))", 2),
        ("days_between(d('2026-01-02'), d('2025-12-31'))", -2),
        ("days_between(d(), d('2025-12-31'))", None),
    ],
    "day_spine": [
        ("select count(*) as found from ({{ day_spine('2024-02-27', '2024-03-02') }}) as s", 4),
        (
            "select min(cast(date_day as date)) as found from ({{ day_spine('2024-02-27', '2024-03-02') }}) as s",
            "2024-02-27",
        ),
        (
            "select max(cast(date_day as date)) as found from ({{ day_spine('2024-02-27', '2024-03-02') }}) as s",
            "2024-03-01",
        ),
    ],
    "tenant_day": [  # clocks go forward in New York on 8 March 2026, at 07:00 UTC
        (f'tenant_day(m("2026-03-08 04:59:59+00"), "{NEW_YORK}")', "2026-03-07"),
        (f'tenant_day(m("2026-03-08 05:00:00+00"), "{NEW_YORK}")', "2026-03-08"),
        (f'tenant_day(m("2026-03-09 03:59:59+00"), "{NEW_YORK}")', "2026-03-08"),
        (f'tenant_day(m("2026-03-09 04:00:00+00"), "{NEW_YORK}")', "2026-03-09"),
        (f'tenant_day(m("2026-01-01 18:30:00+00"), "{KOLKATA}")', "2026-01-02"),
        (f'tenant_day(m(), "{NEW_YORK}")', None),
    ],
    "tenant_week": [
        (f'tenant_week(m("2025-01-05 11:00:00+00"), "{AUCKLAND}")', "2025-01-06"),
        (f'tenant_week(m("2025-01-06 04:59:59+00"), "{NEW_YORK}")', "2024-12-30"),
        (f'tenant_week(m("2026-11-02 04:59:59+00"), "{NEW_YORK}")', "2026-10-26"),
        (f'tenant_week(m(), "{NEW_YORK}")', None),
    ],
    "tenant_midnight": [
        (f'tenant_midnight(d("2026-03-08"), "{NEW_YORK}")', "2026-03-08 05:00:00"),
        (f'tenant_midnight(d("2026-03-09"), "{NEW_YORK}")', "2026-03-09 04:00:00"),
        (f'tenant_midnight(d("2026-11-02"), "{NEW_YORK}")', "2026-11-02 05:00:00"),
        (f'tenant_midnight(d("2018-11-04"), "{SAO_PAULO}")', "2018-11-04 03:00:00"),  # a midnight that did not exist
        (f'tenant_midnight(d("2026-03-07") ~ " + 1", "{NEW_YORK}")', "2026-03-08 05:00:00"),
        (f'tenant_midnight(d(), "{NEW_YORK}")', None),
    ],
}

MOMENTS: Cases = {
    "later": [
        ("later(m('2026-03-08 06:30:00+00'), 24, 'hour')", "2026-03-09 06:30:00"),
        ("later(m('2026-03-08 06:30:00+00'), 1, 'day')", "2026-03-09 06:30:00"),
        ("later(m('2025-12-31 23:59:30+00'), 45, 'second')", "2026-01-01 00:00:15"),
        ("later(m('2026-01-01 00:00:00+00'), i(3), 'day')", "2026-01-04 00:00:00"),
        ("later(m('2026-01-01 00:00:00+00'), i(-3), 'day')", "2025-12-29 00:00:00"),
        ("later(m(), 1, 'day')", None),
        ("select cast({{ later(d('2024-01-31'), 1, 'month') }} as date) as found", "2024-02-29"),
    ],
    "earlier": [
        ("earlier(m('2026-03-09 06:30:00+00'), 365, 'day')", "2025-03-09 06:30:00"),
        ("earlier(m('2026-01-01 00:10:00+00'), 30, 'minute')", "2025-12-31 23:40:00"),
        ("earlier(m(), 1, 'hour')", None),
    ],
    "seconds_between": [
        ("seconds_between(m('2026-03-08 06:59:59.75+00'), m('2026-03-08 07:00:00+00'))", 0.25),
        ("seconds_between(m('2026-03-09 00:00:00+00'), m('2026-03-08 00:00:00+00'))", -86400.0),
        ("seconds_between(m('2024-01-01 00:00:00+00'), m('2026-01-01 00:00:00+00'))", 731 * 86400.0),
        ("seconds_between(m(), m('2026-01-01 00:00:00+00'))", None),
    ],
    "utc_day": [
        ("utc_day(m('2026-03-08 23:59:59.999999+00'))", "2026-03-08"),
        ("utc_day(m('2026-03-09 00:30:00+02'))", "2026-03-08"),
        ("utc_day(m('1969-12-31 12:00:00+00'))", "1969-12-31"),
        ("utc_day(m())", None),
    ],
    "rounded_ratio": [
        ("rounded_ratio(1, 3, 6)", 0.333333),
        ("rounded_ratio(1, 8, 2)", 0.13),
        ("rounded_ratio(5, 0, 6)", None),
    ],
    "rounded_days_between": [
        ("rounded_days_between(m('2026-03-08 00:00:00+00'), m('2026-03-09 12:00:00+00'))", 1.5),
        ("rounded_days_between(m('2026-03-09 12:00:00+00'), m('2026-03-08 00:00:00+00'))", -1.5),
        ("rounded_days_between(m('2026-03-08 00:00:00+00'), m('2026-03-08 00:00:00.043200+00'))", 0.000001),
        ("rounded_days_between(m(), m('2026-03-08 00:00:00+00'))", None),
    ],
    "moment_text": [
        ("moment_text(m('2026-11-01 08:30:00+00'))", "2026-11-01 08:30:00+00"),
        ("moment_text(m('2026-11-01 08:30:00.250000+00'))", "2026-11-01 08:30:00.25+00"),
        ("moment_text(m('2026-11-01 00:30:00.000001+02'))", "2026-10-31 22:30:00.000001+00"),
        ("moment_text(m())", None),
    ],
    "interval_minutes": [
        ("interval_minutes(t('00:45:00'))", 45.0),
        ("interval_minutes(t('1 day 02:00:00'))", 1560.0),
        ("interval_minutes(t('-00:30:00'))", -30.0),
        ("interval_minutes(t('2 mons 1 day'))", 87840.0),
        ("interval_minutes(t('00:00:30.6'))", 0.51),
        ("interval_minutes(t())", None),
    ],
}
MOMENTS["minutes_of_interval_text"] = [  # what BigQuery and Snowflake get, tried here
    (call.replace("interval_minutes", "minutes_of_interval_text"), value) for call, value in MOMENTS["interval_minutes"]
]

NUMBERS: Cases = {
    "percentile": [
        (f"select {{{{ percentile('x', {fraction}) }}}} as found from ({{{{ column({values}) }}}}) as given", value)
        for fraction, values, value in [
            (0.5, [1, 2, 3, 4], 2.5),
            (0.5, [5, None, 1, 3], 3.0),
            (0.9, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 9.1),
            (0.9, [-4, -8], -4.4),
            (0.5, [7], 7.0),
            (0.5, [None], None),
        ]
    ],
    "rounded": [
        ("rounded(x(2.5), 0)", 3.0),
        ("rounded(x(-2.5), 0)", -3.0),
        ("rounded(x(2.675), 2)", 2.68),
        ("rounded(x(0.0000005), 6)", 0.000001),
        ("rounded(x(), 6)", None),
    ],
    "commit_position": [
        ("commit_position(i(0), i(7))", 7),
        ("commit_position(i(1764230400000), i(9223372036854775807))", 1764230400000 * BIG + BIG - 1),
        ("commit_position(i(1764230400001), i(0))", 1764230400001 * BIG),
        ("commit_position(i(), i(0))", None),
    ],
    "least_known": [
        ("least_known(i(3), i(-2))", -2),
        ("least_known(i(), i(4))", 4),
        ("least_known(i(4), i())", 4),
        ("least_known(i(), i())", None),
        ("select least(coalesce({{ i() }}, {{ i(4) }}), coalesce({{ i(4) }}, {{ i() }})) as found", 4),
    ],
    "greatest_known": [
        ("greatest_known(i(3), i(-2))", 3),
        ("greatest_known(m(), m('2026-01-01 00:00:00+00'))", "2026-01-01 00:00:00"),
        ("greatest_known(i(-4), i())", -4),
        ("greatest_known(i(), i())", None),
    ],
    "safe_divide": [
        ("safe_divide(i(1), i(4))", 0.25),
        ("safe_divide(i(-1), i(2))", -0.5),
        ("safe_divide(i(1), i(0))", None),
        ("safe_divide(i(), i(2))", None),
    ],
    "every_of": [
        ("select {{ every_of('x > 0') }} as found from ({{ column([1, 2]) }}) as given", True),
        ("select {{ every_of('x > 0') }} as found from ({{ column([1, None, -1]) }}) as given", False),
        ("select {{ every_of('x > 0') }} as found from ({{ column([1, None]) }}) as given", True),
        ("select {{ every_of('x > 0') }} as found from ({{ column([None]) }}) as given", None),
    ],
    "any_of": [
        ("select {{ any_of('x > 0') }} as found from ({{ column([-1, None, 2]) }}) as given", True),
        ("select {{ any_of('x > 0') }} as found from ({{ column([-1, None]) }}) as given", False),
        ("select {{ any_of('x > 0') }} as found from ({{ column([None]) }}) as given", None),
    ],
    "repeated": [
        (
            f"select {what} as found from ({{{{ column([3, 1, None, 0]) }}}}) as given"
            " {{ repeated('given.x', 'k') }}",
            value,
        )
        for what, value in (("count(*)", 4), ("sum(k)", 7), ("max(given.x)", 3), ("min(k)", 1))
    ],
}

TEXTS: Cases = {
    "regexp_group": [
        ("regexp_group(t('[10,20)'), ',([^,]*)[\\\\])]$')", "20"),
        ("select nullif({{ regexp_group(t('none'), 'b=([0-9]*)') }}, '') as found", None),
        ("select nullif({{ regexp_group(t('b='), 'b=([0-9]*)') }}, '') as found", None),
        ("regexp_group(t(), 'b=([0-9]*)')", None),
    ],
    "matches": [
        ("matches(t('a1b'), '[0-9]')", True),
        ("matches(t('ab'), '[0-9]')", False),
        ("matches(t(), '[0-9]')", None),
    ],
    "range_lower": [
        ("range_lower(t('[10,20)'))", 10),
        ("range_lower(t('(,20)'))", None),
        ("range_lower(t('[-7,)'))", -7),
        ("range_lower(t('empty'))", None),
        ("range_upper(t('[10,20)'))", 20),
        ("range_upper(t('[10,)'))", None),
    ],
    "url_host": [
        ("url_host(t('https://WWW.Example.com:8443/a?b=http://www.other.com/'))", "example.com"),
        ("url_host(t('http://sub.example.com?q'))", "sub.example.com"),
        ("url_host(t('/path/alone'))", None),
        ("url_host(t())", None),
        ("url_parameter(t('https://a.com/?gclid=x%20y&b=1#c'), 'gclid')", "x%20y"),
        ("url_parameter(t('https://a.com/?notgclid=1'), 'gclid')", None),
    ],
    "cast_or_null": [  # from a relation: Postgres folds a cast of a constant, whatever stands around it
        (
            f"select cast({{{{ cast_or_null('given', '{kind}') }}}} as {{{{ type_name('{found}') }}}}) as found"
            f" from (select {{{{ t({sent!r}) }}}} as given limit 1) as raw",
            value,
        )
        for sent, kind, found, value in [
            ("12", "bigint", "bigint", 12),
            ("-7", "bigint", "bigint", -7),
            ("", "bigint", "bigint", None),
            ("twelve", "bigint", "bigint", None),
            ("9223372036854775808", "bigint", "bigint", None),
            (None, "bigint", "bigint", None),
            ("1e-3", "double precision", "double precision", 0.001),
            ("one", "double precision", "double precision", None),
            (UUID.upper(), "uuid", "text", UUID),
            (UUID[:-1], "uuid", "text", None),
        ]
    ],
    "uuid_or_null": [
        (f"uuid_or_null(t('{UUID.upper()}'))", UUID),
        (f"uuid_or_null(t('{UUID[:-1]}'))", None),
        ("uuid_or_null(t())", None),
    ],
    "array_from_text": [
        ("array_from_text(t('{job,gig}'))", ["job", "gig"]),
        ('array_from_text(t(\'{"a b","c,d","say \\\\"so\\\\"",plain}\'))', ["a b", "c,d", 'say "so"', "plain"]),
        ("array_from_text(t('{}'))", []),
        ("array_from_text(t('{1.5,-2}'), 'double precision')", [1.5, -2.0]),
        ("array_from_text(t())", None),
    ],
    "array_holds": [
        ("array_holds(array_from_text(t('{job,gig}')), t('gig'))", True),
        ("array_holds(array_from_text(t('{job,gig}')), t('mentoring'))", False),
        ("array_holds(array_from_text(t()), t('gig'))", None),
        ("array_holds(array_from_text(t('{job}')), t())", None),
    ],
    "json_member": [
        ('json_member(j(\'{"time_zone": "Asia/Tokyo", "seats": 12}\'), \'time_zone\')', "Asia/Tokyo"),
        ('json_member(j(\'{"time_zone": "Asia/Tokyo", "seats": 12}\'), \'seats\')', "12"),
        ("json_member(j('{\"time_zone\": null}'), 'time_zone')", None),
        ("json_member(j('{}'), 'time_zone')", None),
    ],
    "json_text": [("json_text(j('{}'))", "{}")],
    "md5_number": [
        ("md5_number(t('a'))", int(md5(b"a").hexdigest()[:13], 16)),
        ("md5_number(t('Zürich'))", int(md5("Zürich".encode()).hexdigest()[:13], 16)),
        ("md5_number(t())", None),
        ("bucket_of(t('a'), 100)", 51),
    ],
    "md5_of": [
        ("md5_of(t('a'))", md5(b"a").hexdigest()),
        ("md5_of(t('Zürich'))", md5("Zürich".encode()).hexdigest()),
        ("md5_of(t())", None),
    ],
    "surrogate_key": [
        ("surrogate_key([i(7), t('a|b'), t(''), 'true', d('2026-01-02')])", md5(b"7|a|b||true|2026-01-02").hexdigest()),
        ("surrogate_key([i(), t(), d()])", md5(b"~null~|~null~|~null~").hexdigest()),
        ("surrogate_key([commit_position(i(1), i(5))])", md5(str(BIG + 5).encode()).hexdigest()),
        ("surrogate_key([moment_text(m('2026-01-02 00:00:00.5+00'))])", md5(b"2026-01-02 00:00:00.5+00").hexdigest()),
    ],
}

RULES: Cases = {
    "real_id": [
        ("real_id(t('u-7'))", "u-7"),
        ("real_id(t(' NULL '))", None),
        ("real_id(t('00000000-0000-0000-0000-000000000000'))", None),
        ("real_id(t(''))", None),
        ("real_id(t('10'))", "10"),
        ("real_id(t())", None),
    ],
    "told_category": [
        ("told_category(t(' female'))", "Female"),
        ("told_category(t('M'))", "Male"),
        ("told_category(t('Black/African American'))", "Black/African American"),
        ("told_category(t('{White,Asian}'))", "Two or more"),
        ("told_category(t('White; Asian'))", "Two or more"),
        ("told_category(t('{Asian}'))", "Asian"),
        ("told_category(t('Two or more races'))", "Two or more"),
        ("told_category(t('Prefer not to say'))", None),
        ("told_category(t('Declined'))", None),
        ("told_category(t('{}'))", None),
        ("told_category(t())", None),
    ],
    "listed": [
        (
            "select {{ listed('word') }} as found from (select {{ t('b') }} as word union all select {{ t('a') }} "
            "union all select {{ t() }}) as given",
            "a, b",
        ),
        ("select {{ listed('word') }} as found from (select {{ t() }} as word) as given", None),
    ],
    "stage_rank": [
        ("stage_rank(t('applied'))", 1),
        ("stage_rank(t('hired'))", 6),
        ("stage_rank(t('coffee'))", None),
        ("stage_kind_of(i(2))", "screen"),
        ("stage_kind_of(i(7))", None),
    ],
    "indices": [
        ("gini(i(10), i(5), i(2))", 0.5),  # 0 and 5
        ("gini(i(9), i(6), i(2))", 0.0),  # 3 and 3
        ("gini(i(), i(0), i(2))", None),
        ("evenness(x(0), i(5), i(2))", 0.0),
        ("evenness(x(0), i(5), i(1))", None),
        ("jaccard(i(1), i(2), i(3))", 0.25),
        ("jaccard(i(0), i(0), i(0))", None),
    ],
    "bias_audit": [  # four fifths of 1 in 2 are 2 in 5
        ("is_below_four_fifths(i(40), i(100), i(50), i(100))", False),
        ("is_below_four_fifths(i(39), i(100), i(50), i(100))", True),
        ("selections_short(i(39), i(100), i(50), i(100))", 1),
        ("selections_short(i(3), i(9), i(2), i(3))", 2),
        ("selections_short(i(50), i(100), i(50), i(100))", 0),
        ("is_small_cell(i(4))", True),
        ("is_small_cell(i(5))", False),
        ("suppressed(i(3), is_small_cell(i(4)))", None),
        ("suppressed(i(3), is_small_cell(i(5)))", 3),
    ],
}

_LINKS = """
with recursive
links as (
    select 's' as source, 'b' as known_id, 'a' as user_id
    union all select 's', 'c', 'b'
    union all select 's', 'c', 'a'
    union all select 's', 'd', 'e'
    union all select 't', 'b', 'c'
),
{{ %s('x', 'links') }}
select %s as found from x_walks where %s
"""
JOINED: Cases = {
    name: [
        (_LINKS % (name, "min(least_id)", "source = 's' and user_id = 'c'"), "a"),
        (_LINKS % (name, "min(least_id)", "source = 's' and user_id = 'e'"), "d"),
        (_LINKS % (name, "min(least_id)", "source = 't' and user_id = 'c'"), "b"),
        (_LINKS % (name, "count(distinct user_id)", "least_id = 'a'"), 3),
    ]
    for name in ("least_joined", "walks_without_return")
}

CASES: Cases = {**DAYS, **MOMENTS, **NUMBERS, **TEXTS, **RULES, **JOINED, **PIT_JOINS}
