"""Replication's speed beside its floors: `python -m benchmarks.replication`, or `make bench`.

Prints one JSON object a line for each figure, its rounds included; says on stderr how far it is. The whole run should
take about an hour and 30 GB of disk (estimated). Figures mean something only on an idle machine and at full scale.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

from benchmarks import command, copies, demonstration, drains, latency, memory, publishing, ten_million

STAGES: Final[tuple[command.Stage, ...]] = (
    (drains.FIGURES, drains.measure),
    (copies.FIGURES, copies.measure),
    (latency.FIGURES, latency.measure),
    (ten_million.FIGURES, ten_million.measure),
    (publishing.FIGURES, publishing.measure),
    (demonstration.FIGURES, demonstration.measure),
    (memory.FIGURES, memory.measure),
)
_EXAMPLES: Final = """examples:
  python -m benchmarks.replication                                  all figures, three rounds each
  python -m benchmarks.replication --only drain_mixed --rounds 1    one figure, once
  python -m benchmarks.replication --only drain --scale 0.05        a quick look: `met` is then null
  python -m benchmarks.replication --output docs/benchmarks.json    figures measured before stay in the file
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 0 when all wanted figures were measured, whether their goals are met or not."""
    return command.run(STAGES, command.parser("replication", __doc__, _EXAMPLES).parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
