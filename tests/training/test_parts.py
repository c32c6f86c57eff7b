"""How columns are written follows their values, and the bytes follow nothing else."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from training.parts import GROUP_ROWS, PartWriter, groups, read_split

ROWS = GROUP_ROWS + 1000


def table() -> pa.Table:
    random = np.random.RandomState(1)
    return pa.table(
        {
            "id": np.arange(ROWS),
            "share": random.rand(ROWS),
            "tenth": random.randint(0, 10, ROWS) / 10,
            "count": random.randint(0, 30, ROWS).astype(np.int32),
            "text": [f"text {place % 7}" for place in range(ROWS)],
        }
    )


def write(directory: Path, whole: pa.Table, pieces: int) -> Path:
    batches = [batch for start in range(0, ROWS, pieces) for batch in whole.slice(start, pieces).to_batches()]
    with PartWriter(directory, whole.schema) as writer:
        for group in groups(iter(batches), whole.schema):
            writer.write(group)
    return directory / "part-00000.parquet"


def test_numbers_that_vary_are_not_written_as_a_dictionary(tmp_path: Path) -> None:
    part = write(tmp_path / "train", table(), ROWS)

    footer = pq.read_metadata(part)
    assert [footer.row_group(group).num_rows for group in range(footer.num_row_groups)] == [GROUP_ROWS, 1000]
    group = footer.row_group(0)
    encodings = {group.column(place).path_in_schema: set(group.column(place).encodings) for place in range(5)}
    assert "DELTA_BINARY_PACKED" in encodings["id"]
    assert "BYTE_STREAM_SPLIT" in encodings["share"]
    for name in ("tenth", "count", "text"):
        assert "RLE_DICTIONARY" in encodings[name]
    assert read_split(tmp_path, "train").equals(table())


def test_the_pieces_of_an_engine_leave_no_trace_in_the_bytes(tmp_path: Path) -> None:
    first = write(tmp_path / "a", table(), ROWS)
    second = write(tmp_path / "b", table(), 4999)

    assert first.read_bytes() == second.read_bytes()


def test_a_split_without_rows_has_a_part_with_its_columns(tmp_path: Path) -> None:
    with PartWriter(tmp_path / "test", table().schema):
        pass

    assert read_split(tmp_path, "test").equals(table().schema.empty_table())
