"""All benchmarks: `python -m benchmarks`, or `make bench`.

Prints one JSON object a line for each figure, its rounds included; says on stderr how far it is. Each room runs alone
as `python -m benchmarks.<room>`: replication, events, models, training, dashboards.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

from benchmarks import command, dashboards, events, models, replication, training

_EXAMPLES: Final = """examples:
  python -m benchmarks                                              all figures, three rounds each
  python -m benchmarks --only drain_mixed --rounds 1                one figure, once
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 0 when all wanted figures were measured, whether their goals are met or not."""
    options = command.parser("", __doc__, _EXAMPLES).parse_args(arguments)
    rooms = (replication, events, models, training, dashboards)
    return command.run([stage for room in rooms for stage in room.STAGES], options)


if __name__ == "__main__":
    sys.exit(main())
