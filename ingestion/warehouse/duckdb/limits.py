"""How much DuckDB may take. Apart, for whoever reads settings needs no engine."""

from typing import Final

# Of DuckDB's own; by default it would take four fifths of the machine, which is not its alone. What does not fit goes
# to files beside the warehouse. More would not be faster: large transactions are then written at their commit, not
# before it (measured 2026-11: 256 MB and 2 GB took the same CPU seconds for 400,000 wide rows). With 224 MB the loader
# of a transaction of ten million wide rows had 547 MB resident at most, with 176 MB 493, as fast; but mixed changes
# then spill: 0.82 of their floor, 0.99 with 192 MB, 1.09 with 224 MB.
MEMORY_BYTES: Final = 192 << 20
# Of a publisher, which holds nothing else: with less one thread writes, and the others wait.
PUBLISH_MEMORY_BYTES: Final = 224 << 20
