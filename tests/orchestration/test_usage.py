"""The logs that the Usage page reads: that of `flux query`, and Metabase's where it is told. Unknown is never zero."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from dashboards.checks import check_sources
from dashboards.usage import RELATIONS, UsageConnection
from orchestration import query_log
from orchestration.settings import Settings
from orchestration.walk import sites, usage
from tests.dashboards.warehouse import all_columns

# The columns of Metabase's application database that are read, as its schema has them.
METABASE = """
create table core_user (id int primary key, first_name text, last_name text, email text);
create table report_card (id int primary key, visualization_settings text not null, name text);
create table query_execution (
    id serial primary key, started_at timestamptz not null, running_time int not null, error text, executor_id int,
    card_id int, dashboard_id int, context text
);
insert into core_user values (1, 'Ada', 'L', 'ada@example.org');
insert into report_card values (7, '{"flux.key": "applications", "graph.metrics": ["n"]}', 'Applications');
insert into query_execution (started_at, running_time, error, executor_id, card_id) values
    (now() - interval '1 day', 1500, null, 1, 7), (now() - interval '2 days', 20, 'boom', null, null),
    (now() - interval '200 days', 20, null, 1, 7);
"""


Open = Callable[[Settings], UsageConnection]


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    monkeypatch.setattr("dashboards.catalogue.models", lambda manifest, last_build: [])
    definitions = sites.definitions()
    relations = {name.partition(".")[2]: name for name in all_columns()}
    queries = check_sources(definitions, relations | RELATIONS)

    def open_(settings: Settings) -> UsageConnection:
        return usage.usage_of(settings, tmp_path / "manifest.json", definitions, queries)

    return open_


def summary(connection: UsageConnection) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = connection.arrow(
        "select source, is_known, words, count(query_id) as queries from usage.usage_sources"
        " left join usage.usage_queries using (source) group by all order by source"
    ).to_pylist()
    return rows


def test_what_was_never_logged_is_unknown(tmp_path: Path, opened: Open) -> None:
    with opened(Settings(home=tmp_path)) as connection:
        assert summary(connection) == [
            {"source": "Metabase", "is_known": False, "words": "no log is configured", "queries": 0},
            {"source": "flux query", "is_known": False, "words": "nothing was logged yet", "queries": 0},
        ]
        text = sites.definitions().sql["usage_summary"].replace("{{ ref('", "usage.").replace("') }}", "")
        (row,) = connection.arrow(text).to_pylist()
        assert [row[name] for name in ("flux_queries", "metabase_queries", "people", "refused")] == [None] * 4


def test_log_of_flux_query_is_read(tmp_path: Path, opened: Open) -> None:
    settings = Settings(home=tmp_path)
    begun = dt.datetime.now(dt.UTC) - dt.timedelta(days=9)
    for days in (0, 8):
        query_log.note(
            settings.logs_directory,
            sql="select 1 from serving.rpt_overview_weekly, marts.dim_client",
            begun=begun + dt.timedelta(days=days),
            seconds=0.5,
            answered=True,
        )
    with opened(settings) as connection:
        assert summary(connection)[1] == {"source": "flux query", "is_known": True, "words": "7 days", "queries": 2}
        reads = connection.arrow("select relation from usage.usage_reads where query_id = 0 order by 1").to_pylist()
        assert [row["relation"] for row in reads] == ["marts.dim_client", "serving.rpt_overview_weekly"]


def test_log_of_metabase_is_read_where_it_is_told(tmp_path: Path, opened: Open, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as application:
        application.execute(METABASE.encode())
    with opened(Settings(home=tmp_path, metabase_log_url=database)) as connection:
        rows = connection.arrow(
            "select user_name, seconds, is_answered, relation from usage.usage_queries"
            " left join usage.usage_reads using (query_id) order by asked_at"
        ).to_pylist()
        # It goes back further than what is read of it.
        assert summary(connection)[0] == {"source": "Metabase", "is_known": True, "words": "7 days", "queries": 2}
    assert rows == [
        {"user_name": "nobody signed in", "seconds": 0.02, "is_answered": False, "relation": None},
        {"user_name": "Ada L", "seconds": 1.5, "is_answered": True, "relation": "reporting.rpt_overview_weekly"},
    ]


def test_nothing_asked_for_long_is_known_and_none(tmp_path: Path, opened: Open) -> None:
    settings = Settings(home=tmp_path)
    begun = dt.datetime.now(dt.UTC) - dt.timedelta(days=100)
    query_log.note(settings.logs_directory, sql="select 1", begun=begun, seconds=0.5, answered=True)
    with opened(settings) as connection:
        assert summary(connection)[1] == {"source": "flux query", "is_known": True, "words": "7 days", "queries": 0}


def test_log_that_cannot_be_read_is_unknown_and_said_without_its_url(
    tmp_path: Path, opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(home=tmp_path, metabase_log_url="postgresql://u:secret@127.0.0.1:1/none")
    with opened(settings) as connection:
        row = summary(connection)[0]
    assert (row["is_known"], row["words"]) == (False, "its log cannot be read")
    assert "see FLUX_METABASE_LOG_URL" in caplog.text
    assert "secret" not in caplog.text
