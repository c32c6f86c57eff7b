"""Which nodes a build has to run, by what they are made of."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from orchestration.models.versions import Node, after, named, to_run, wanted

HISTORY, CUT, LOOSE = "source.history", "source.cut", "source.loose"
NODES = {
    node.name: node
    for node in (
        Node("stg", (HISTORY,), "staging.stg", is_view=True),
        Node("told", (LOOSE,), "marts.told"),
        Node("list", (HISTORY,), "intermediate.list", is_list=True),
        Node("between", ("list", "stg"), "intermediate.between"),
        Node("fact", ("between", "list", CUT), "marts.fact", is_kept=True),
        Node("day", (CUT,), "marts.day"),
        Node("dim", ("stg",), "marts.dim"),
        Node("view", ("dim",), "intermediate.view", is_view=True),
        Node("rpt", ("view",), "reporting.rpt"),
        Node("test_of_dim", ("dim",)),
        Node("test_of_both", ("day", "dim")),
        Node("key_of_stg", ("stg",), is_key_of_landed=True),
    )
}
RELATIONS = [node.relation for node in NODES.values() if node.relation is not None]
INPUTS = {HISTORY: "1", CUT: "1", LOOSE: None}


def runs(
    noted: Mapping[str, str],
    *,
    code: str = "code",
    among: Collection[str] = (),
    stands: Collection[str] = RELATIONS,
    views_fall: bool = False,
    **inputs: str,
) -> set[str]:
    versions = wanted(NODES, INPUTS | {f"source.{name}": version for name, version in inputs.items()}, code)
    return to_run(NODES, named(NODES, among), versions, code, noted, stands, views_fall=views_fall)


def built(*names: str, noted: Mapping[str, str] | None = None, **inputs: str) -> dict[str, str]:
    """Notes after a build of these nodes, of all when none is named."""
    now = INPUTS | {f"source.{name}": version for name, version in inputs.items()}
    return after(NODES, now, "code", noted or {}, names or NODES, ())


def test_nothing_noted_runs_everything_but_keys_of_what_landed() -> None:
    assert runs({}) == NODES.keys() - {"key_of_stg"}


def test_nothing_changed_runs_what_nobody_vouches_for_alone() -> None:
    assert runs(built()) == {"told"}


def test_changed_rows_run_what_lies_below_them_but_no_view() -> None:
    changed = {"list", "between", "fact", "dim", "rpt", "test_of_dim", "test_of_both"}
    assert runs(built(), history="2") == changed | {"told"}


def test_another_cut_runs_what_tells_the_time_with_the_lists_of_its_facts() -> None:
    assert runs(built(), cut="2") == {"told", "day", "test_of_both", "fact", "list", "between"}


def test_other_files_run_everything() -> None:
    assert runs(built(), code="other") == NODES.keys() - {"key_of_stg"}


def test_a_relation_that_is_gone_is_made_again() -> None:
    assert runs(built(), stands=[each for each in RELATIONS if each != "marts.dim"]) == {"told", "dim"}


def test_views_fall_with_what_they_read_where_the_warehouse_drops_them() -> None:
    gone = [each for each in RELATIONS if each != "marts.dim"]
    assert runs(built(), stands=gone, views_fall=True) == {"told", "dim", "view"}


def test_models_by_name_bring_the_tests_of_what_they_are_made_of() -> None:
    assert runs({}, among=["dim"]) == {"dim", "test_of_dim"}
    assert named(NODES, ["rpt"]) == {"rpt", "test_of_dim"}


def test_a_failed_node_runs_again() -> None:
    noted = after(NODES, INPUTS, "code", built(), [], ["test_of_dim"])
    assert runs(noted) == {"told", "test_of_dim"}


def test_what_was_built_of_an_older_parent_is_not_taken_for_new() -> None:
    """A report is built alone of a dimension that changed rows have not reached."""
    noted = built("rpt", noted=built(), history="2")
    assert "rpt" in runs(noted, history="2")
    noted = built("dim", noted=noted, history="2")
    assert "rpt" in runs(noted, history="2")
    noted = built("rpt", noted=noted, history="2")
    assert {"dim", "rpt"}.isdisjoint(runs(noted, history="2"))


def test_rows_that_came_back_find_what_was_made_of_them() -> None:
    assert runs(built("rpt", noted=built(), history="2")) == {"told"}
