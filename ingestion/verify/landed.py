"""From a relation's spooled rows to those of a view: the source's values in the form in which they should land.

A relation that lands as it is needs nothing. Of any other the file is written once more, in the same format, by an
engine in memory: what compares it sees an ordinary table's rows.
"""

import duckdb

from ingestion.selection.views import ENGINE, Treater, View
from ingestion.verify.snapshot import Spooled, read_spooled


def landed(spooled: Spooled, view: View, treater: Treater) -> Spooled:
    """Give a view's rows in place of the relation's, whose file is gone then if it is another one."""
    if view.whole:
        return spooled
    path = spooled.path.with_suffix(".landed.csv")
    texts = [treater.expression(view, i, f"s{place}") for i, place in enumerate(view.places)]
    listed = ", ".join([*(f"{text} as s{i}" for i, text in enumerate(texts)), "_end"])
    names = [f"s{i}" for i in range(len(texts))]
    with duckdb.connect(config=ENGINE) as engine:
        # What is not quoted is NULL; the last column is not quoted either.
        engine.sql(
            f"copy (select {listed} from {read_spooled(spooled)}) to '{str(path).replace(chr(39), chr(39) * 2)}' "
            f"(format csv, header false, quote '\"', escape '\"', force_quote ({', '.join(names)}))",
            params=treater.parameters if view.hashes else None,
        )
    spooled.path.unlink()
    return Spooled(path, view.relation, 2 * spooled.longest_row_bytes + 128 * len(texts))
