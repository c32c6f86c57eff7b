"""landing.yaml is read strictly, and agrees with the product's own schema."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import orchestration
from orchestration.checks.contract import load_contracts
from orchestration.checks.errors import ChecksError

PRODUCT = Path(orchestration.__file__).parent.parent / "demo" / "schema.sql"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a", "landing.yaml: expected keys and values, found list"),
        ("raw_app.t: {key: id, columns: {id: {type: bigit}}}", r"raw_app\.t\.id: type 'bigit' is unknown.*'bigint'"),
        ("raw_app.t: {key: id, columns: {id: {typ: bigint}}}", r"raw_app\.t\.id: key 'typ' is unknown.*'type'"),
        ("raw_app.t: {key: ide, columns: {id: {type: bigint}}}", r"raw_app\.t: key 'ide' is unknown.*'id'"),
        ("raw_app.t: {key: id, columns: {id: {type: bigint, severity: loud}}}", "severity is 'loud'"),
    ],
)
def test_wrong_contract_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "landing.yaml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ChecksError, match=message):
        load_contracts(path)


def test_unknown_relation_offers_the_nearest() -> None:
    with pytest.raises(ChecksError, match=r"'raw_app\.member' is unknown; did you mean 'raw_app\.members'"):
        load_contracts(relations=["raw_app.member"])


def test_names_of_rules_are_unique_in_their_relation() -> None:
    for contract in load_contracts():
        names = [rule.name for rule in contract.rules]
        assert len(set(names)) == len(names)


@pytest.mark.skipif(not PRODUCT.exists(), reason="skipped: the stand-in's schema is not in this checkout")
def test_columns_enums_and_nulls_agree_with_the_products_schema() -> None:
    schema = PRODUCT.read_text(encoding="utf-8")
    enums = {
        name: re.findall(r"'(\w+)'", values)
        for name, values in re.findall(r"create type (\w+) as enum \(([^)]*)\)", schema)
    }
    for contract in load_contracts():
        if contract.schema == "raw_segment":
            continue
        [body] = re.findall(rf"create table (?:restricted\.)?{contract.table} \((.*?)\n\)", schema, flags=re.DOTALL)
        lines = dict(re.findall(r"^    (\w+) +(.+)$", body, flags=re.MULTILINE))
        filled = {rule.column for rule in contract.rules if rule.kind == "filled"} | {*contract.key}
        for column in contract.types:
            assert column in lines, f"{contract.relation}.{column} is not in the product's schema"
            required = column in contract.key or "not null" in lines[column]
            assert (column in filled) == required, f"{contract.relation}.{column}: NULL allowed or not"
        for rule in contract.rules:
            if rule.kind == "one_of" and rule.column:
                line = lines[rule.column]
                checked = re.search(r"check \(\w+ in \(([^)]*)\)", line)
                values = re.findall(r"'(\w+)'", checked[1]) if checked else enums[line.split()[0]]
                assert rule.arguments["value_set"] == values, f"{contract.relation}.{rule.column}"
