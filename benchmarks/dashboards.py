"""Dashboards' speed: `python -m benchmarks.dashboards`, or `make bench`.

Prints one JSON object a line for each figure, its rounds included; says on stderr how far it is. Needs Chromium.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

from benchmarks import command, pages

STAGES: Final[tuple[command.Stage, ...]] = ((pages.FIGURES, pages.measure),)
_EXAMPLES: Final = """examples:
  python -m benchmarks.dashboards                                   all figures, three rounds each
  python -m benchmarks.dashboards --rounds 1                        once
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 0 when all wanted figures were measured, whether their goals are met or not."""
    return command.run(STAGES, command.parser("dashboards", __doc__, _EXAMPLES).parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
