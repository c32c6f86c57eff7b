"""RecBole's atomic files: `<name>/<name>.{train,valid,test}.inter`, `.user`, `.item`, and `recbole.yaml` to load them.

Format: https://recbole.io/docs/user_guide/data/atomic_files.html. A tab between fields, a header of `name:type`, types
`token` (text, booleans) and `float` (numbers, times as seconds since 1970 in UTC). RecBole reads them with pandas.

An interaction is an example: who, what, when, one label, and the dataset's features, which are as of its request; they
stay with the interaction, since one value a user would tell early rows of later ones. What is no feature (position,
propensity, ...) stays out, for RecBole learns from every field. Rows whose label is not known are left out and
counted: RecBole would put the mean in its place. A missing feature is an empty field, which RecBole fills in its way.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from training.errors import FormatError
from training.loader.encoding import is_number, is_text
from training.parts import read_groups, read_split, split_schema

if TYPE_CHECKING:
    from training.dataset import Dataset

USER: Final = "subject_key"  # unless the specification names another subject
ITEM: Final = "opportunity_id"
CLIENT: Final = "client_id"
# pandas.read_csv, with which RecBole reads, takes these for missing.
_MISSING: Final = (
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA"),
    *("NULL", "NaN", "None", "n/a", "nan", "null"),
)
_STRUCTURE: Final = '[\t\r\n"]'
_CONFIG: Final = """# What RecBole needs to load this dataset:
#   run_recbole("FM", "{name}", config_file_list=["recbole.yaml"], config_dict={{"data_path": "<this directory>"}})
# The label is {label}. Rows are split already, by the dataset's own rule.
USER_ID_FIELD: user_id
ITEM_ID_FIELD: item_id
TIME_FIELD: timestamp
LABEL_FIELD: label
benchmark_filename: [train, valid, test]
load_col: null
field_separator: "\\t"
seq_separator: " "
"""


def write(dataset: "Dataset", out: Path, label: str | None) -> Mapping[str, int]:
    """Write all rows whose label is known."""
    user = dataset.manifest.document["inputs"]["spec"].get("subject") or USER
    names = [column["name"] for column in dataset.manifest.document["schema"]]
    for column in (user, ITEM):
        if column not in names:
            raise FormatError(
                f"RecBole wants a user and an item in each row; dataset {dataset.manifest.name!r} has no {column!r}"
            )
    chosen = label or dataset.labels[0]
    if chosen not in dataset.labels:
        raise FormatError(f"{chosen!r} is no label of {dataset.manifest.name!r}; it has {', '.join(dataset.labels)}")
    name = dataset.manifest.name
    (out / name).mkdir()
    unknown = 0
    for split in dataset.manifest.rows:
        unknown += _write_interactions(dataset, split, user, chosen, out / name / f"{name}.{split}.inter")
    client = [CLIENT] if CLIENT in names else []
    for key, field, suffix in ((user, "user_id", "user"), (ITEM, "item_id", "item")):
        _write_entities(dataset, key, field, client, out / name / f"{name}.{suffix}")
    (out / "recbole.yaml").write_text(_CONFIG.format(name=name, label=chosen), encoding="utf-8")
    return {f"{chosen} not known": unknown} if unknown else {}


def _write_interactions(dataset: "Dataset", split: str, user: str, label: str, path: Path) -> int:
    time = dataset.manifest.document["inputs"]["spec"]["time"]
    schema = split_schema(dataset.directory, split)
    sources = {"user_id": user, "item_id": ITEM, "timestamp": time, "label": label} | {
        name: name for name in dataset.features
    }
    types = {
        field: "token" if field in ("user_id", "item_id") else "float" if field == "label" else _type(schema, source)
        for field, source in sources.items()
    }
    columns = list(dict.fromkeys(sources.values()))
    unknown = 0

    def pieces() -> Iterator[pa.Table]:
        nonlocal unknown
        for group in read_groups(dataset.directory, split, columns):
            known = group.filter(group.column(label).is_valid())
            unknown += group.num_rows - known.num_rows
            yield pa.table(
                {field: _values(known.column(source), types[field], source) for field, source in sources.items()}
            )

    _write_fields(path, types, pieces())
    return unknown


def _write_entities(dataset: "Dataset", key: str, field: str, more: list[str], path: Path) -> None:
    """Write each user or item once, in the order of its id, with what belongs to it for good."""
    found = pa.concat_tables(
        read_split(dataset.directory, split, [key, *more]).group_by([key, *more]).aggregate([])
        for split in dataset.manifest.rows
    )
    distinct = found.group_by([key, *more]).aggregate([]).sort_by([(name, "ascending") for name in (key, *more)])
    if distinct.num_rows != pc.count_distinct(distinct.column(key)).as_py():
        distinct = distinct.select([key]).group_by([key]).aggregate([]).sort_by(key)
    names = dict(zip([key, *more], [field, *more], strict=True))
    table = pa.table({names[name]: _values(distinct.column(name), "token", name) for name in distinct.column_names})
    _write_fields(path, dict.fromkeys(table.column_names, "token"), iter([table]))


def _write_fields(path: Path, types: Mapping[str, str], pieces: Iterator[pa.Table]) -> None:
    """Write a header of name:type, then the rows."""
    schema = pa.schema([(name, pa.string() if kind == "token" else pa.float64()) for name, kind in types.items()])
    options = csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none")
    with pa.OSFile(str(path), "wb") as sink:
        sink.write("\t".join(f"{name}:{kind}" for name, kind in types.items()).encode() + b"\n")
        with csv.CSVWriter(sink, schema, write_options=options) as writer:
            for piece in pieces:
                writer.write_table(piece.cast(schema))


def _type(schema: pa.Schema, name: str) -> str:
    kind = schema.field(name).type
    if is_text(kind) or pa.types.is_boolean(kind):
        return "token"
    if is_number(kind) or pa.types.is_timestamp(kind):
        return "float"
    raise FormatError(f"column {name!r} has type {kind}, which RecBole's files cannot hold; leave it out of the spec")


def _values(column: pa.ChunkedArray, kind: str, name: str) -> pa.ChunkedArray:
    if kind == "float":
        if pa.types.is_timestamp(column.type):
            return pc.divide(column.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).cast(pa.float64()), 1e6)
        return column.cast(pa.float64(), safe=False)
    texts = column.cast(pa.string())
    different = pc.unique(texts).drop_null()
    if pc.any(pc.match_substring_regex(different, _STRUCTURE)).as_py():
        raise FormatError(f"column {name!r} has a text with a tab, a line break or a quote; RecBole cannot read that")
    if pc.any(pc.is_in(different, pa.array(_MISSING))).as_py():
        raise FormatError(f"column {name!r} has a text that RecBole takes for a missing value (NA, null, empty, ...)")
    return texts
