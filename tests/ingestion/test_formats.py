"""An older Flux refuses what a newer one wrote, by name, and changes nothing of it."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest

from ingestion.errors import LogNewerError, WarehouseNewerError
from ingestion.log import LogReader, LogWriter
from ingestion.log.segment import BLOCK_HEADER, BLOCK_MAGIC, SEGMENT_HEADER, VERSION
from ingestion.warehouse import formats
from ingestion.warehouse.engine import open_warehouse
from tests.ingestion.warehouses import Warehouse


def raise_the_form_of_blocks(path: Path) -> None:
    """Write the first block's header as the next version would: the same fields, and a sum that is right."""
    raw = bytearray(path.read_bytes())
    _, kind, version, records, _, payload, mark, body, _ = BLOCK_HEADER.unpack_from(raw, SEGMENT_HEADER.size)
    newer = version + 1
    crc = zlib.crc32(struct.pack("<HHIQQI", kind, newer, records, payload, mark, body)) or 1
    BLOCK_HEADER.pack_into(raw, SEGMENT_HEADER.size, BLOCK_MAGIC, kind, newer, records, crc, payload, mark, body, 0)
    path.write_bytes(raw)


@pytest.fixture
def segment(tmp_path: Path) -> Path:
    """A log with one block."""
    with LogWriter.open(tmp_path) as writer:
        writer.append(7, [b"a record"])
        writer.commit()
    (path,) = tmp_path.glob("*.seg")
    return path


def test_a_block_of_a_newer_flux_is_neither_read_nor_cut_off(segment: Path) -> None:
    raise_the_form_of_blocks(segment)
    before = segment.read_bytes()
    with pytest.raises(LogNewerError, match=f"form {VERSION + 1}, and this Flux knows {VERSION}.*run that one"):
        list(LogReader(segment.parent).blocks())
    with pytest.raises(LogNewerError):
        LogWriter.open(segment.parent)
    assert segment.read_bytes() == before


def test_a_segment_of_a_newer_flux_is_named(segment: Path) -> None:
    segment.write_bytes(b"FLUXLOG2" + segment.read_bytes()[8:])
    with pytest.raises(LogNewerError, match=r"segment '\d+.seg' is of form '2', and this Flux knows 1"):
        LogReader(segment.parent).is_first(int(segment.stem))


def test_a_warehouse_notes_its_form_once_and_a_new_one_is_refused(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        with open_warehouse(warehouse.url) as destination:
            destination.machinery.ensure()
    assert warehouse.query("select format, flux from _flux.formats") == [(formats.FORMAT, formats.release())]
    with monkeypatch.context() as newer:
        newer.setattr(formats, "FORMAT", formats.FORMAT + 1)
        with open_warehouse(warehouse.url) as destination:
            destination.machinery.ensure()
    with (
        pytest.raises(WarehouseNewerError, match=r"of form 2, written by Flux .* knows forms up to 1; run that Flux"),
        open_warehouse(warehouse.url),
    ):
        pass
    assert warehouse.query("select count(*) from _flux.formats") == [(2,)]


def test_a_warehouse_of_before_forms_were_noted_is_taken(warehouse: Warehouse) -> None:
    with open_warehouse(warehouse.url) as destination:
        destination.machinery.ensure()
        destination.machinery.session.execute("drop table _flux.formats")
    with open_warehouse(warehouse.url) as destination:
        destination.machinery.ensure()
        assert destination.machinery.formats.newest() == (formats.FORMAT, formats.release())
