"""Relations: what the stream says of a table, and what the catalog adds to it.

The stream's Relation message names columns, type OIDs and the key flags. It knows no attribute numbers, so a dropped
and re-added column looks like a changed type; the catalog's description, taken when the message is first seen, does.
"""

import json
import struct
from dataclasses import asdict, dataclass
from typing import Self

from ingestion.errors import WireError


@dataclass(frozen=True, slots=True)
class Column:
    """One column as the stream sends it.

    `type` is the base type's name in pg_type (domains resolved; arrays begin with an underscore), `kind` its typtype
    (b base, e enum, c composite, r range, m multirange), `typmod` the effective type modifier (-1: none),
    `missing` the text of the value that rows older than the column have (attmissingval).
    """

    name: str
    attnum: int
    type_oid: int
    type: str
    kind: str
    typmod: int
    declared: str
    not_null: bool = False
    missing: str | None = None


@dataclass(frozen=True, slots=True)
class Relation:
    """A replicated table at one moment. `key` names the columns that identify a row; empty: none do.

    `identity` is relreplident: d default, f full, i index, n nothing. `rows` is the condition that published rows meet
    (empty: all are), `left_out` names columns that are there and not published, as far as the catalog was asked.
    """

    oid: int
    schema: str
    name: str
    identity: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    rows: str = ""
    left_out: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """The table's name as people write it, `schema.table`."""
        return f"{self.schema}.{self.name}"

    @property
    def key_positions(self) -> tuple[int, ...]:
        """Positions of the key's columns among the columns."""
        names = [column.name for column in self.columns]
        return tuple(names.index(name) for name in self.key)

    def agrees_with(self, message: "RelationMessage") -> bool:
        """Whether the stream's message shows just these columns and types, in this order, and this identity and key.

        A message of a table whose identity is the whole row does not say what its key was.
        """
        same_key = message.identity not in "di" or set(message.flagged) == set(self.key)
        same_columns = message.columns == tuple((column.name, column.type_oid) for column in self.columns)
        return same_columns and same_key and message.identity == self.identity

    def to_bytes(self) -> bytes:
        """Encode for the log."""
        return json.dumps(asdict(self), ensure_ascii=False).encode()

    @classmethod
    def from_bytes(cls, raw: bytes | memoryview) -> Self:
        """Decode from the log."""
        fields = json.loads(bytes(raw))
        fields["columns"] = tuple(Column(**column) for column in fields["columns"])
        fields["key"] = tuple(fields["key"])
        fields["left_out"] = tuple(fields.get("left_out", ()))
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class RelationMessage:
    """The stream's own description of a relation (message 'R'): columns as (name, type OID)."""

    oid: int
    schema: str
    name: str
    identity: str
    columns: tuple[tuple[str, int], ...]
    typmods: tuple[int, ...]
    flagged: tuple[str, ...]

    @classmethod
    def parse(cls, body: bytes | memoryview) -> Self:
        """Parse a message that begins at its tag 'R'. Raises WireError."""
        raw = bytes(body)
        try:
            (oid,) = struct.unpack_from(">I", raw, 1)
            schema, at = _text(raw, 5)
            name, at = _text(raw, at)
            identity = chr(raw[at])
            (count,) = struct.unpack_from(">H", raw, at + 1)
            at += 3
            columns, typmods, flagged = [], [], []
            for _ in range(count):
                flags = raw[at]
                column, at = _text(raw, at + 1)
                type_oid, typmod = struct.unpack_from(">Ii", raw, at)
                at += 8
                columns.append((column, type_oid))
                typmods.append(typmod)
                if flags & 1:
                    flagged.append(column)
        except (struct.error, IndexError, ValueError) as error:
            raise WireError("relation message ends too early") from error
        if raw[:1] != b"R" or at != len(raw):
            raise WireError(f"relation message has {len(raw)} bytes, {at} were expected")
        # An empty namespace stands for pg_catalog (manual 54.9, Relation).
        return cls(oid, schema or "pg_catalog", name, identity, tuple(columns), tuple(typmods), tuple(flagged))


def _text(raw: bytes, at: int) -> tuple[str, int]:
    end = raw.index(b"\0", at)
    return raw[at:end].decode(), end + 1
