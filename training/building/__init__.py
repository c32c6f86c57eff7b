"""From a relation of the warehouse to a directory: plan, rows, papers.

`selection` and `values` are the SQL, `plan` counts, `writing` and `journal` write parts that an interrupted build need
not write again, `build` puts the steps in order.
"""

from training.building.build import build_dataset
from training.building.origin import Origin, Source
from training.building.report import DatasetReport
from training.building.selection import Selection
from training.building.writing import Progress

__all__ = ["DatasetReport", "Origin", "Progress", "Selection", "Source", "build_dataset"]
