"""What a batch of identify calls says of people: for each trait the latest value, and which call gave it. Pure.

A call's place is its time, its arrival and its id, as text that sorts in this order: so calls may be loaded in whatever
order, or again, and a profile is the same.
"""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from ingestion.events.columns import TEXT


def latest_traits(identifies: pa.Table, traits: Sequence[str]) -> tuple[pa.Table, pa.Table]:
    """Return (values, places), each with a row for each person that calls name, `id`, and a column for each trait.

    Values have `received_at` too, the last arrival. A trait that no call gave a person is null in both.
    """
    calls = identifies.filter(pc.is_valid(identifies["user_id"]))
    place = pc.binary_join_element_wise(
        *(calls[name].cast(pa.timestamp("us")).cast(TEXT) for name in ("timestamp", "received_at")), calls["id"], " "
    )
    columns = {"id": calls["user_id"], "place": place, "received_at": calls["received_at"]}
    for number, trait in enumerate(traits):
        columns[f"value{number}"] = calls[trait]
        columns[f"place{number}"] = pc.if_else(pc.is_valid(calls[trait]), place, None)
    asked = [(name, "last") for name in columns if name not in ("id", "place", "received_at")]
    found = (
        pa.table(columns)
        .sort_by("place")
        .group_by("id", use_threads=False)  # the last of a group is that of its rows in order
        .aggregate([("received_at", "max"), *asked])
    )
    values = {trait: found[f"value{number}_last"] for number, trait in enumerate(traits)}
    places = {trait: found[f"place{number}_last"] for number, trait in enumerate(traits)}
    return (
        pa.table({"id": found["id"], "received_at": found["received_at_max"], **values}),
        pa.table({"id": found["id"], **places}),
    )
