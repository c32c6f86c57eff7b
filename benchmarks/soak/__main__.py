"""`make soak`, `python -m benchmarks.soak`."""

from __future__ import annotations

import sys
import time

import msgspec

from benchmarks.soak.course import Course, tell
from benchmarks.soak.options import parse
from orchestration.cli.stopping import interrupt_on_signals


def main(arguments: list[str] | None = None) -> int:
    """Run a soak; 0 when every verdict is good."""
    options = parse(arguments)

    def say(text: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)

    with interrupt_on_signals():
        made = tell(options.directory) if options.again else Course(options, say).run()
    if options.as_json:
        print(msgspec.json.encode(made).decode(), flush=True)
    else:
        for verdict in made.verdicts:
            print(f"{'ok' if verdict.passed else 'NO':3} {verdict.name}: {verdict.found}")
            if not verdict.passed:
                print(f"    must hold: {verdict.rule}")
        print(f"{'passed' if made.passed else 'FAILED'}; the report: {options.directory / 'report.md'}", flush=True)
    return 0 if made.passed else 1


if __name__ == "__main__":
    sys.exit(main())
