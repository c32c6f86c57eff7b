"""The models' speed beside its floors, builds and analysts' queries: `python -m benchmarks.models`, or `make bench`.

Prints one JSON object a line for each figure, its rounds included; says on stderr how far it is. At full scale the
questions need 12 GB of disk, the increments some 85 GB, and all together hours on two cores; what the operating
system's cache can hold of the published file is part of its figure. Figures mean something only on an idle machine
and at full scale.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

from benchmarks import builds, command, increments, questions

STAGES: Final[tuple[command.Stage, ...]] = (
    (questions.FIGURES, questions.measure),
    (builds.FIGURES, builds.measure),
    (increments.FIGURES, increments.measure),
)
_EXAMPLES: Final = """examples:
  python -m benchmarks.models                                       all figures, three rounds each
  python -m benchmarks.models --only query                          the three questions
  python -m benchmarks.models --only build --rounds 1               builds at the demo's size, once
  python -m benchmarks.models --only increment_marts --scale 0.05   a quick look: `met` is then null
  python -m benchmarks.models --output docs/benchmarks_models.json  figures measured before stay in the file
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 0 when all wanted figures were measured, whether their goals are met or not."""
    return command.run(STAGES, command.parser("models", __doc__, _EXAMPLES).parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
