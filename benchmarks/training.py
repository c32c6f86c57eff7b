"""Training sets' speed beside its floors: `python -m benchmarks.training`, or `make bench`.

Prints one JSON object a line for each figure, its rounds included; says on stderr how far it is. The comparison with
Feast installs it into `.venv-feast`, the loader needs `.venv-torch`. Figures mean something only on an idle machine and
at full scale.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

from benchmarks import command, exports, loading, match_set_days, match_sets, point_in_time

STAGES: Final[tuple[command.Stage, ...]] = (
    (point_in_time.FIGURES, point_in_time.measure),
    (exports.FIGURES, exports.measure),
    (loading.FIGURES, loading.measure),
    (match_sets.FIGURES, match_sets.measure),
    (match_set_days.FIGURES, match_set_days.measure),
)
_EXAMPLES: Final = """examples:
  python -m benchmarks.training                                     all figures, three rounds each
  python -m benchmarks.training --only pit_join --rounds 1          point-in-time joins, once
  python -m benchmarks.training --output docs/training_figures.json figures measured before stay in the file
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 0 when all wanted figures were measured, whether their goals are met or not."""
    return command.run(STAGES, command.parser("training", __doc__, _EXAMPLES).parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
