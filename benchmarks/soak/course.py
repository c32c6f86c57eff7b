"""The course of a soak: begin, load, break, come to rest, compare, tell."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.soak import plots, report
from benchmarks.soak.calls import write_patterns
from benchmarks.soak.ending import compare, orphans
from benchmarks.soak.home import WRITE_KEY, Home
from benchmarks.soak.judgement import Limits, Noted, judge
from benchmarks.soak.killer import Killer
from benchmarks.soak.kills import plan
from benchmarks.soak.options import Options
from benchmarks.soak.sample import ANSWERS, DEATHS, SAMPLES, Answer, Death, Ending, Sample, read
from benchmarks.soak.sampler import Sampler
from orchestration.locks import is_held
from orchestration.ports import LOOPBACK
from orchestration.supervisor import Service, Supervisor
from orchestration.walk.product import stand_in

READY_SECONDS: Final = 900.0
REST_SECONDS: Final = 600.0  # for what is broken to heal and what waits to be loaded, when the load has ended
CAUGHT_UP_SECONDS: Final = 10.0
PROGRESS_SECONDS: Final = 10.0
NO_LIMIT: Final = 1 << 50

FACTS: Final = "facts.json"

Say = Callable[[str], None]


class Facts(msgspec.Struct, frozen=True):
    """What a report needs besides what was noted on the way."""

    options: Options
    limits: Limits
    began: str
    stopped: bool
    ending: Ending


class Course:
    """One soak."""

    def __init__(self, options: Options, say: Say) -> None:
        self._options, self._say = options, say
        self._home = Home.make(options)
        self._stopped = False
        self._began = datetime.now(UTC).isoformat(timespec="seconds")

    def run(self) -> report.Report:
        """Run it to its end, or to Ctrl-C, and write the report."""
        ending = Ending(problems=["the end was not reached"])
        self._say(f"soak in {str(self._home.directory)!r}")
        write_patterns(self._home.config, self._home.calls)
        try:
            with stand_in(self._home.settings) as url:
                self._home.note_url(url)
                self._live(url)
                self._say("at rest; Ctrl-C from here on leaves the comparison out")
                ending = compare(self._home, orphans(self._home), self._say)
        except KeyboardInterrupt:
            self._stopped = True
        return self._tell(ending)

    def _live(self, url: str) -> None:
        """Run the platform and the load. A first Ctrl-C ends the load early."""
        home = self._home
        with Supervisor(home.logs, environment=home.settings.environment(), say=self._say) as platform:
            self._say("starting 'flux up', which makes the product's past first")
            platform.start(_up(home))
            begun = time.time()
            sampler = Sampler(home, url, begun)
            due = plan(self._options.seed, self._options.seconds, self._options.kill_every)
            killer = Killer(home, due, begun, self._say)
            keeping = threading.Event()
            with ExitStack() as stack:
                stack.enter_context(_beside(sampler.work, "sampler"))
                stack.enter_context(_beside(killer.work, "killer"))
                stack.enter_context(_tending(platform, keeping))
                try:
                    with Supervisor(home.logs, environment={}, say=self._say) as load:
                        load.start(*self._load(begun))
                        self._wait(load, begun, sampler, killer)
                except KeyboardInterrupt:
                    self._stopped = True
                sampler.loading = False
                self._say("the load has ended; waiting until all is well and loaded")
                self._come_to_rest(sampler, killer)

    def _wait(self, load: Supervisor, begun: float, sampler: Sampler, killer: Killer) -> None:
        told = begun

        def over() -> bool:
            nonlocal told
            now = time.time()
            if now - told >= PROGRESS_SECONDS:
                told = now
                self._say(_progress(now - begun, self._options.seconds, sampler.last, killer))
            sampler.loading = now - begun < self._options.seconds
            return not sampler.loading

        load.watch(until=over)

    def _come_to_rest(self, sampler: Sampler, killer: Killer) -> None:
        deadline = time.monotonic() + REST_SECONDS
        while time.monotonic() < deadline:
            last = sampler.last
            quick = last is not None and (last.loaded_seconds or 0.0) < CAUGHT_UP_SECONDS
            if quick and not [victim for victim in killer.open if victim != "build"]:
                return
            time.sleep(1.0)

    def _load(self, begun: float) -> Iterator[Service]:
        home, options = self._home, self._options
        settings = home.settings
        yield Service(
            name="changes",
            module="benchmarks.soak.changes",
            arguments=(str(home.url_file), str(options.changes), str(options.seed)),
        )
        url = f"http://{LOOPBACK}:{settings.collect_port}"
        processes = -(-options.clients // 2)
        for number in range(processes):
            clients = min(2, options.clients - 2 * number)
            rate = options.events * clients / options.clients
            yield Service(
                name=f"sender-{number}",
                module="benchmarks.soak.sender",
                arguments=(
                    url, WRITE_KEY, str(rate), str(clients), f"c{number}", str(home.notes), str(home.calls),
                ),
                stop_seconds=120,
            )  # fmt: skip
        site = f"http://{LOOPBACK}:{settings.site_port}"
        for number in range(options.analysts):
            yield Service(
                name=f"analyst-{number}",
                module="benchmarks.soak.analyst",
                arguments=(
                    str(settings.home), site, str(options.seed + number), str(begun), str(home.directory / ANSWERS),
                ),
            )  # fmt: skip

    def _tell(self, ending: Ending) -> report.Report:
        home, directory = self._home, self._home.directory
        settings = home.settings
        limits = Limits(settings.log_keep_bytes or NO_LIMIT, settings.wal_budget_bytes)
        facts = Facts(self._options, limits, self._began, self._stopped, ending)
        (directory / FACTS).write_bytes(msgspec.json.encode(facts, enc_hook=str))
        made = tell(directory)
        home.url_file.unlink(missing_ok=True)
        if made.passed and not self._options.keep:
            shutil.rmtree(settings.home, ignore_errors=True)
            shutil.rmtree(directory / "scratch", ignore_errors=True)
        return made


def tell(directory: Path) -> report.Report:
    """Judge what was noted in a soak's directory, and write the report; may be done again."""
    facts = msgspec.json.decode((directory / FACTS).read_bytes(), type=Facts, dec_hook=lambda kind, text: kind(text))
    noted = Noted(
        read(directory / SAMPLES, Sample),
        read(directory / DEATHS, Death),
        read(directory / ANSWERS, Answer),
        facts.ending,
    )
    verdicts = judge(facts.options, facts.limits, noted)
    made = report.make(facts.options, noted, verdicts, stopped=facts.stopped, began=facts.began)
    report.write(made, plots.draw(noted, directory), directory)
    return made


def _up(home: Home) -> Service:
    """`flux up`, kept alive as systemd would. Ready when its last service is."""
    return Service(
        name="up",
        arguments=("up",),
        healthy=lambda: is_held(home.settings.alerts_lock),
        ready_seconds=READY_SECONDS,
        stop_seconds=180.0,
    )


@contextmanager
def _beside(work: Callable[[threading.Event], None], name: str) -> Iterator[None]:
    """Run something in a thread of its own; what it dies of is raised at the end."""
    stop, errors = threading.Event(), list[BaseException]()

    def run() -> None:
        try:
            work(stop)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name=name)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    if errors:
        raise errors[0]


@contextmanager
def _tending(platform: Supervisor, stop: threading.Event) -> Iterator[None]:
    """Start what died of the platform anew, beside whatever else is watched."""

    def tend(_: threading.Event) -> None:
        platform.watch(until=stop.is_set)

    with _beside(tend, "platform"):
        try:
            yield
        finally:
            stop.set()


def _progress(done: float, whole: float, sample: Sample | None, killer: Killer) -> str:
    lag = "?" if sample is None or sample.loaded_seconds is None else f"{sample.loaded_seconds:,.0f} s"
    disk = 0 if sample is None else sum(sample.disk.values())
    hurt = f", healing: {', '.join(killer.open)}" if killer.open else ""
    events, changes = (0, 0) if sample is None else (sample.acknowledged, sample.changes or 0)
    return (
        f"{done / 60:,.1f} of {whole / 60:,.0f} minutes: {events:,} events, {changes:,} changes, lag {lag}, "
        f"{disk / 1e9:,.2f} GB, {killer.count} kills{hurt}"
    )
