"""Run the dbt project in this process: a manifest prepared once, and builds through dbt's own runner.

A warm process builds in a quarter of the time that the `dbt` command takes (measured: 1.6 s against 7.4 s for 42
nodes), since imports and the parse are paid once.
"""

from orchestration.models.project import manifest_path, prepare, project_directory, warm
from orchestration.models.runner import NodeResult, build, first_failure
from orchestration.models.standing import Standing, look

__all__ = [
    "NodeResult",
    "Standing",
    "build",
    "first_failure",
    "look",
    "manifest_path",
    "prepare",
    "project_directory",
    "warm",
]
