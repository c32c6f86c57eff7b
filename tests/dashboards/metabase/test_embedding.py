"""A signed address shows one client its rows and nobody else's, whatever its reader tries, until it expires."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import duckdb
import jwt
import pytest

from dashboards.metabase.embedding import embed_url
from dashboards.metabase.errors import EmbedError, MetabaseRefusedError
from dashboards.metabase.wanted import Item
from tests.dashboards.metabase.conftest import Deployer
from tests.dashboards.metabase.server import Fake

Items = dict[str, Item]
SECRET = "0123456789abcdef" * 4
NOW = datetime(2026, 3, 11, 9, 30, tzinfo=UTC)


def url_for(**changes: object) -> str:
    given = {"dashboard": 7, "parameter": "client_id", "value": 17, "now": NOW, "valid_for": timedelta(minutes=10)}
    return embed_url("https://metabase.example.com", SECRET, **(given | changes))  # type: ignore[arg-type]


def token_of(url: str) -> str:
    return url.removeprefix("https://metabase.example.com/embed/dashboard/").partition("#")[0]


def test_the_token_locks_the_client_and_expires() -> None:
    token = token_of(url_for())
    claims = jwt.decode(token, SECRET, algorithms=["HS256"], options={"verify_exp": False, "verify_iat": False})
    assert claims["resource"] == {"dashboard": 7}
    assert claims["params"] == {"client_id": 17}
    assert claims["exp"] == NOW.timestamp() + 600
    assert jwt.get_unverified_header(token)["alg"] == "HS256"
    with pytest.raises(jwt.ExpiredSignatureError):
        jwt.decode(token_of(url_for(now=datetime.now(UTC) - timedelta(hours=1))), SECRET, algorithms=["HS256"])


def test_another_client_in_the_token_breaks_the_signature() -> None:
    head, _, mark = token_of(url_for()).split(".")
    _, other, _ = token_of(url_for(value=18)).split(".")
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(f"{head}.{other}.{mark}", SECRET, algorithms=["HS256"])


@pytest.mark.parametrize("hours", [0, -1, 25])
def test_an_address_is_valid_for_a_day_at_most(hours: int) -> None:
    with pytest.raises(EmbedError, match="up to 24 hours"):
        url_for(valid_for=timedelta(hours=hours))


def test_a_short_secret_is_refused_and_not_shown() -> None:
    with pytest.raises(EmbedError, match="shorter than 32 bytes") as refused:
        embed_url("https://m", "short", dashboard=1, parameter="p", value=1, now=NOW, valid_for=timedelta(minutes=1))
    assert "'short'" not in str(refused.value)


def test_embeddable_dashboards_lock_the_client_and_others_are_closed(
    items: Items, metabase: Fake, deployer: Deployer
) -> None:
    deployer.apply(items)
    boards = {one["name"]: one for one in metabase.state.dashboards.values()}
    assert boards["Hiring funnel"]["enable_embedding"] is True
    assert boards["Hiring funnel"]["embedding_params"] == {"client_id": "locked"}
    assert boards["Overview"]["enable_embedding"] is False
    [parameter] = [one for one in boards["Hiring funnel"]["parameters"] if one["slug"] == "client_id"]
    mapped = [
        {mapping["parameter_id"] for mapping in place["parameter_mappings"]}
        for place in boards["Hiring funnel"]["dashcards"]
        if place["card_id"] is not None
    ]
    assert all(parameter["id"] in ids for ids in mapped)


def test_embedding_that_is_switched_on_or_opened_there_is_told(
    items: Items, metabase: Fake, deployer: Deployer
) -> None:
    deployer.apply(items)
    boards = {one["name"]: one for one in metabase.state.dashboards.values()}
    boards["Overview"].update(enable_embedding=True, embedding_params={"client": "enabled"})
    boards["Hiring funnel"]["embedding_params"]["client_id"] = "enabled"
    told = {(change.item.id, one.name, one.cause) for change in deployer.plan(items).edits for one in change.fields}
    assert told == {("dashboard:overview", "embedding", "edited"), ("dashboard:hiring_funnel", "embedding", "edited")}
    deployer.apply(items, overwrite=True)
    assert metabase.state.dashboards[boards["Overview"]["id"]]["enable_embedding"] is False


def test_a_signed_address_is_answered_for_its_client_and_a_changed_one_is_not(
    items: Items, metabase: Fake, deployer: Deployer, warehouse: duckdb.DuckDBPyConnection
) -> None:
    deployer.apply(items)
    metabase.house.settings |= {"embedding-secret-key": SECRET, "enable-embedding-static": True}
    number, board = next((n, one) for n, one in metabase.state.dashboards.items() if one["name"] == "Hiring funnel")
    clients = dict(warehouse.cursor().execute("select client_id, client_name from marts.dim_client").fetchall())
    now = datetime.now(UTC)
    tokens = {client: token_of(url_for(dashboard=number, value=client, now=now)) for client in clients}
    rows = {
        client: [
            deployer.client.get(f"/api/embed/dashboard/{token}/dashcard/{one['id']}/card/{one['card_id']}")["data"][
                "rows"
            ]
            for one in board["dashcards"]
            if one["card_id"] is not None
        ]
        for client, token in tokens.items()
    }
    assert len({str(one) for one in rows.values()}) == len(clients)
    head, _, mark = tokens[min(clients)].split(".")
    _, other, _ = tokens[max(clients)].split(".")
    with pytest.raises(MetabaseRefusedError, match="corrupt"):
        deployer.client.get(f"/api/embed/dashboard/{head}.{other}.{mark}")
    closed = next(n for n, one in metabase.state.dashboards.items() if one["name"] == "Overview")
    with pytest.raises(MetabaseRefusedError, match="not enabled for this object"):
        deployer.client.get(f"/api/embed/dashboard/{token_of(url_for(dashboard=closed, now=now))}")


def with_value(sql: str, value: int) -> str:
    """Put a value in as Metabase does: what stands in [[ ]] counts."""
    return (
        sql.replace("[[", "")
        .replace("]]", "")
        .replace("{{client_id}}", str(value))
        .replace("{{client}}", "'All clients'")
    )


def test_every_card_of_an_embedded_dashboard_shows_that_client_alone(
    items: Items, warehouse: duckdb.DuckDBPyConnection
) -> None:
    cursor = warehouse.cursor()
    clients = dict(cursor.execute("select client_id, client_name from marts.dim_client").fetchall())
    assert len(clients) > 1
    boards = ("hiring_funnel", "matching_quality")
    cards = [item for item in items.values() if item.home in boards and "client_id" in item.fields["tags"]]
    assert len(cards) >= 15
    for item in cards:
        plain = item.fields["sql"]
        for number, name in clients.items():
            locked = cursor.execute(with_value(plain, number)).fetchall()
            named = plain.partition(" [[")[0] + plain.partition("]]")[2]
            chosen = cursor.execute(named.replace("{{client}}", "'" + name.replace("'", "''") + "'")).fetchall()
            assert locked == chosen, item.id
        assert cursor.execute(with_value(plain, -1)).fetchall() == [], f"{item.id} shows rows of an unknown client"
