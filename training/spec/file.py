"""Finds a specification and reads its YAML (`training/specs/match.yaml` is the shipped one)."""

from pathlib import Path

from training.errors import SpecError
from training.spec.definition import DatasetSpec
from training.spec.lines import read_yaml
from training.spec.nearest import nearest
from training.spec.parsing import parse_spec

SPECS = Path(__file__).parents[1] / "specs"


def load_spec(name_or_path: str | Path) -> DatasetSpec:
    """Load a shipped specification by name (`match`), or any by path."""
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        shipped = {file.stem: file for file in sorted(SPECS.glob("*.yaml"))}
        if str(name_or_path) not in shipped:
            raise SpecError(f"no dataset is called {str(name_or_path)!r}{nearest(str(name_or_path), shipped)}")
        path = shipped[str(name_or_path)]
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SpecError(f"cannot read the specification {str(path)!r}: {error.strerror}; check the path") from error
    return parse_spec(read_yaml(text, path.name), source=path.name)
