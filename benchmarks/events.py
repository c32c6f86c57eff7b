"""The events' speed beside its floors, from a request to the warehouse: `python -m benchmarks.events`, or `make bench`.

Prints one JSON object a line for each figure, its rounds included; says on stderr how far it is. The collector's
figures need the load generator wrk (on Debian: apt-get install wrk), which shares the cores with the collector; the
figure against 50 million known ids needs some 10 GB of disk. Figures mean something only on an idle machine and at
full scale.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

from benchmarks import collecting, command, event_loads

STAGES: Final[tuple[command.Stage, ...]] = (
    (collecting.FIGURES, collecting.measure),
    (event_loads.FIGURES, event_loads.measure),
)
_EXAMPLES: Final = """examples:
  python -m benchmarks.events                                       all figures, three rounds each
  python -m benchmarks.events --only collect --rounds 1             those of the collector, once
  python -m benchmarks.events --only load --scale 0.05              a quick look: `met` is then null
  python -m benchmarks.events --output docs/benchmarks_events.json  figures measured before stay in the file
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 0 when all wanted figures were measured, whether their goals are met or not."""
    return command.run(STAGES, command.parser("events", __doc__, _EXAMPLES).parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
