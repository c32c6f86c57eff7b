"""The pure parts of a soak: the plan of kills, the fit, notes of what was promised, who is who among processes."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.soak import plots, report
from benchmarks.soak.census import Census, role_of
from benchmarks.soak.fit import slope, slope_within, thinned
from benchmarks.soak.killer import victims
from benchmarks.soak.kills import SHARE, VICTIMS, plan
from benchmarks.soak.notes import ACKNOWLEDGED, Counter, Notes, ranges
from benchmarks.soak.options import parse
from benchmarks.soak.sample import Death, Sample, read
from benchmarks.soak.spans import lives, waiting_events
from tests.benchmarks.test_soak_judgement import GOOD, OPTIONS, found


def test_a_seed_gives_one_plan_that_hits_everybody_and_leaves_the_last_quarter_in_peace() -> None:
    kills = plan(7, 3600, 60)
    assert kills == plan(7, 3600, 60) != plan(8, 3600, 60)
    assert {kill.victim for kill in kills[: len(VICTIMS)]} == set(VICTIMS)
    assert all(one.at < other.at for one, other in pairwise(kills))
    assert kills[-1].at < SHARE * 3600
    assert 35 < len(kills) < 55
    assert plan(7, 3600, 0) == []


def test_a_slope_is_not_moved_by_a_third_of_strange_points() -> None:
    chance = random.Random(1)
    points = [(float(at), 5.0 + 0.25 * at + (1000 if chance.random() < 0.3 else 0)) for at in range(900)]
    assert slope(points) == pytest.approx(0.25, abs=0.05)
    assert slope(points[:1]) is None


def test_a_step_between_two_lives_is_no_slope() -> None:
    lives = {1: [(float(at), 10.0) for at in range(50)], 2: [(float(at), 90.0) for at in range(50, 100)]}
    assert slope_within(lives) == 0.0


def test_thinning_keeps_ends_and_heights_of_many_points() -> None:
    few = thinned([(float(at), float(at)) for at in range(10_000)], 100)
    assert len(few) == 100
    assert few[0][1] < 100
    assert few[-1][1] > 9_900


@given(st.lists(st.tuples(st.sampled_from(["soak-a-1", "soak-b-2"]), st.integers(0, 50))))
def test_ranges_hold_exactly_the_ids_that_they_were_made_of(ids: list[tuple[str, int]]) -> None:
    made = ranges(f"{run}-{number}" for run, number in ids)
    assert [(run, number) for run, first, last in made for number in range(first, last + 1)] == ids


def test_what_is_noted_is_counted_on_from_where_the_last_count_stood(tmp_path: Path) -> None:
    counter = Counter(tmp_path, ACKNOWLEDGED)
    with Notes(tmp_path, "one", ACKNOWLEDGED) as one, Notes(tmp_path, "two", ACKNOWLEDGED) as two:
        one.add_ids(["soak-one-9-4", "soak-one-9-5", "soak-one-9-7"])
        assert counter.count() == 3
        two.add("soak-two-9", 0, 99)
        one.add_ids([])
        with (tmp_path / f"two.{ACKNOWLEDGED}").open("a") as torn:
            torn.write("soak-two-9,100,1")  # a client that died in the middle of a line
        assert counter.count() == counter.count() == 103


def test_processes_are_known_by_what_the_supervisor_runs() -> None:
    tether = ["/x/python", "-m", "orchestration.supervisor.tether", "5"]
    assert role_of([*tether, "orchestration.cli", "load", "--follow"]) == "loader"
    assert role_of([*tether, "orchestration.cli", "service", "capture"]) == "capture"
    assert role_of([*tether, "orchestration.code_server", "--module-name", "x"]) == "code-server"
    assert role_of([*tether, "benchmarks.soak.sender", "x"]) is None
    assert role_of(["/x/python", "-m", "orchestration.cli", "load"]) is None


def test_nobody_lives_in_a_home_that_is_not_there(tmp_path: Path) -> None:
    living = Census(tmp_path).take()
    assert living == []
    assert victims("tree", living) == []


def test_waiting_events_are_those_of_the_ledger_and_those_that_came_since() -> None:
    earlier = Sample(at=10, acknowledged=1000, accepted=5000, settled=4900, written=9)
    later = Sample(at=20, acknowledged=3000, accepted=5000, settled=4900, written=10)
    assert waiting_events([earlier, later]) == [(10, 1100.0), (20, 2100.0)]


def test_a_process_counts_once_it_is_warm() -> None:
    samples = [Sample(at=at, pids={"loader": [1 if at < 500 else 2]}, rss={"loader": 7}) for at in range(0, 1000, 10)]
    assert {pid: points[0] for pid, points in lives(samples, "loader").items()} == {2: (980, 7.0)}


def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "deaths.jsonl"
    whole = msgspec.json.encode(Death(at=1, victim="site", pids=[3], healed=2.5))
    path.write_bytes(whole + b"\n" + whole[:9])
    assert read(path, Death) == [Death(at=1, victim="site", pids=[3], healed=2.5)]
    assert read(tmp_path / "none", Death) == []


def test_a_report_is_written_for_machines_for_people_and_in_small_pictures(tmp_path: Path) -> None:
    deaths = [Death(at=100, victim="tree", pids=[1], healed=130.5), Death(at=900, victim="build", pids=[1])]
    noted = msgspec.structs.replace(GOOD, deaths=deaths)
    verdicts = list(found(noted).values())
    made = report.make(OPTIONS, noted, verdicts, stopped=True, began="2026-11-27T15:00:00+00:00")
    pictures = plots.draw(noted, tmp_path)
    report.write(made, pictures, tmp_path)

    assert [path.stem for path in pictures] == list(plots.NAMES)
    assert all(path.read_bytes()[1:4] == b"PNG" and path.stat().st_size < 300_000 for path in pictures)
    told = msgspec.json.decode((tmp_path / "report.json").read_bytes())
    assert (told["passed"], told["stopped"]) == (False, True)
    assert told["figures"]["healing_seconds.tree"] == {"kills": 1, "median": 30.5, "max": 30.5}
    text = (tmp_path / "report.md").read_text()
    assert text.startswith("# Soak: FAILED, stopped early\n")
    assert "| build | 1 | never | never |" in text
    assert "![lag](lag.png)" in text


def test_options_are_refused_with_a_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "something").touch()
    for arguments in (["--minutes", "0"], ["--clients", "0"], ["--kill-every", "1"], ["--directory", str(tmp_path)]):
        with pytest.raises(SystemExit) as ended:
            parse(arguments)
        assert ended.value.code == 2
    assert "is not empty; name another --directory" in capsys.readouterr().err
    given = parse(["--minutes", "2", "--directory", str(tmp_path / "new")])
    assert (given.seconds, given.changes, given.events) == (120, 500, 1000)
