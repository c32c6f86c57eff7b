"""Expectations that Great Expectations lacks, told in the contract's own words. Importing this module imports GX."""

from __future__ import annotations

import importlib
from typing import Any, ClassVar

from orchestration.checks import engine  # GX is imported there, in the way that costs least

_expectation: Any = importlib.import_module("great_expectations.expectations.expectation")
_renderer: Any = importlib.import_module("great_expectations.render.renderer.renderer")
_render: Any = importlib.import_module("great_expectations.render")


class _Promised(_expectation.BatchExpectation):  # type: ignore[misc]
    """A table's expectation that Data Docs tell by its promise; GX would print its arguments."""

    @classmethod
    @_renderer.renderer(renderer_type="renderer.prescriptive")  # type: ignore[untyped-decorator]
    def _prescriptive_renderer(cls, configuration: Any = None, result: Any = None, **rest: Any) -> list[Any]:
        told = configuration or result.expectation_config
        words = {"template": "$promise", "params": {"promise": told.meta["promise"]}}
        return [_render.RenderedStringTemplateContent(content_block_type="string_template", string_template=words)]


class ExpectColumnsToHaveTypes(_Promised):
    """Expect columns to exist with these types; the types are `contract.TYPES`, the same on every warehouse."""

    columns: dict[str, str]

    metric_dependencies: ClassVar[tuple[str, ...]] = ("table.column_types",)
    success_keys: ClassVar[tuple[str, ...]] = ("columns",)
    args_keys: ClassVar[tuple[str, ...]] = ("columns",)

    def _validate(self, metrics: Any, runtime_configuration: Any = None, execution_engine: Any = None) -> Any:
        found = {column["name"]: engine.type_word(column["type"]) for column in metrics["table.column_types"]}
        wrong = {
            name: [kind, found.get(name)] for name, kind in sorted(self.columns.items()) if found.get(name) != kind
        }
        return {"success": not wrong, "result": {"observed_value": wrong}}


class ExpectMeasureToBeBetween(_Promised):
    """Expect what was measured of the table elsewhere (history.py) within limits; without a value, nothing yet."""

    value: float | None = None
    min_value: float | None = None
    max_value: float | None = None

    success_keys: ClassVar[tuple[str, ...]] = ("value", "min_value", "max_value")
    args_keys: ClassVar[tuple[str, ...]] = ("value", "min_value", "max_value")

    def _validate(self, metrics: Any, runtime_configuration: Any = None, execution_engine: Any = None) -> Any:
        if self.value is None or self.min_value is None or self.max_value is None:
            return {"success": True, "result": {"observed_value": None}}
        return {
            "success": self.min_value <= self.value <= self.max_value,
            "result": {"observed_value": self.value},
        }
