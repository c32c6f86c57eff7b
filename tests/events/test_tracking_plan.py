from pathlib import Path

import pytest

import demo
from ingestion.errors import TrackingPlanError
from ingestion.events.columns import FLOAT, INT, TEXT, TIME
from ingestion.events.record import Origin
from ingestion.events.schema import planned_tables
from ingestion.events.tracking_plan import load_tracking_plan, parse_tracking_plan
from ingestion.warehouse.destination import Destination
from tests.events.calls import RECEIVED, load, track, write
from tests.events.test_load import ask, types


def test_the_stand_ins_plan_gives_a_table_for_each_of_its_events() -> None:
    plan = load_tracking_plan(Path(demo.__file__).parent / "tracking_plan.yaml")
    tables = planned_tables(plan)
    assert len(plan.events) == 32
    assert tables["recommendation_viewed"]["position"] == INT
    assert tables["search_performed"]["filters"] == TEXT  # an array, as JSON text
    assert tables["profile_completed"]["completeness"] == FLOAT
    assert {"id", "client_id", "role", "locale"} <= tables["users"].keys()


def test_common_properties_are_in_every_event_and_may_be_overridden() -> None:
    plan = parse_tracking_plan(
        "version: 1\ncommon: {a: integer, b: string}\nevents:\n  X Y: {properties: {a: number, at: {type: string, "
        "format: date-time}, user id: string}}"
    )
    columns = planned_tables(plan)["x_y"]
    assert (columns["a"], columns["b"], columns["at"], columns["_user_id"]) == (FLOAT, TEXT, TIME, TEXT)


def test_nested_objects_are_flattened_as_the_events_will_be() -> None:
    plan = parse_tracking_plan(
        "version: 1\nevents:\n  E: {properties: {price: {type: object, properties: {net: number, Unit Name: string}}}}"
    )
    assert {"price_net", "price_unit_name"} <= planned_tables(plan)["e"].keys()


def test_a_plan_judges_and_types_its_own_source_alone(tmp_path: Path, destination: Destination) -> None:
    rules = "mode: quarantine\nevents:\n  Thing Done: {properties: {size: {type: number, minimum: 1}}}"
    plan, moved = (parse_tracking_plan(f"version: 1\nsource: {source}\n{rules}") for source in ("web__eu", "web"))
    call = track(properties={"size": 0})
    for source in ("web", "web__eu", "default"):
        write(tmp_path, [call, track("Unplanned", messageId="m2")], origin=Origin(RECEIVED, source))
    load(destination, tmp_path, plan=plan)
    ledger = "select source, loaded, quarantined from _flux.segments order by source"
    assert ask(destination, ledger) == [("default", 2, 0), ("web", 2, 0), ("web__eu", 0, 2)]
    schemas = ("", "__web", "__web__eu")
    sizes = {schema: types(destination, f"raw_segment{schema}.thing_done")["size"] for schema in schemas}
    assert sizes == {"": "int8", "__web": "int8", "__web__eu": "float8"}
    write(tmp_path, [{**call, "messageId": "m3"}], origin=Origin(RECEIVED, "web"))
    write(tmp_path, [{**call, "messageId": "m3"}], origin=Origin(RECEIVED, "web__eu"))
    load(destination, tmp_path, plan=moved)
    totals = "select source, sum(loaded), sum(quarantined) from _flux.segments group by source order by source"
    assert ask(destination, totals) == [("default", 2, 0), ("web", 2, 1), ("web__eu", 1, 2)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version: 1\nevnts: {}", "unknown key 'evnts'; did you mean 'events'"),
        ("version: 2", "version is 2"),
        ("version: 1\nsource: Web App", "source is 'Web App'; give its name as sources.toml has it"),
        ("version: 1\nmode: alow", "mode is 'alow'"),
        ("version: 1\nmode: [allow]", "mode is"),
        ("[]", "expected names with values"),
        ("a: [", "is not YAML at line 1"),
        ("version: 1\nevents: {A: {}, A: {}}", "'A' is given twice"),
        ("version: 1\nevents: {Foo Bar: {}, foo_bar: {}}", "would share the table 'foo_bar'"),
        ("version: 1\nevents: {A: {properties: {x y: string, xY: string}}}", "would share the column 'x_y'"),
        ("version: 1\nevents: {A: {properties: {x: strin}}}", "event 'A', property 'x': type is 'strin'"),
        ("version: 1\nevents: {A: {properties: {x: {type: string, requird: true}}}}", "did you mean 'required'"),
        ("version: 1\nevents: {A: {properties: {x: {type: string, required: 1}}}}", "required is 1"),
        ("version: 1\nevents: {A: {mode: block}}", "event 'A', mode is 'block'; give one of allow, omit, quarantine"),
        ("version: 1\nevents: {A: {properties: {x: {type: string, format: uid}}}}", "format is 'uid'; give one of"),
        ("version: 1\nevents: {A: {properties: {x: {type: number, minimum: a}}}}", "minimum is not JSON Schema"),
        ("version: 1\nevents: {A: {properties: {x: {type: string, pattern: '('}}}}", "pattern is not JSON Schema"),
        ("version: 1\npages: {names: Home}", "pages, names: 'Home' is not a list"),
        ("version: 1\nevents: {yes: {}}", "True is not a name; put quotes around it"),
    ],
)
def test_a_plan_that_is_none_is_refused_with_the_place(text: str, message: str) -> None:
    with pytest.raises(TrackingPlanError, match=message.replace("[", r"\[")):
        parse_tracking_plan(text)


def test_a_plan_that_cannot_be_read_names_its_file(tmp_path: Path) -> None:
    with pytest.raises(TrackingPlanError, match=r"no_plan\.yaml"):
        load_tracking_plan(tmp_path / "no_plan.yaml")
    bad = tmp_path / "bad.yaml"
    bad.write_text("version: 3")
    with pytest.raises(TrackingPlanError, match=r"bad\.yaml.*version is 3"):
        load_tracking_plan(bad)


def test_a_key_that_a_merge_brought_may_be_overridden() -> None:
    plan = parse_tracking_plan(
        "version: 1\ncommon: &c {a: string}\nevents:\n  A: {properties: &x {<<: *c, a: integer}}\n"
        "  B: {properties: {<<: *x, b: number}}"
    )
    assert [item.type for item in plan.events["B"].properties] == ["integer", "number"]
