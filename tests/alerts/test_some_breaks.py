"""A few of what `make test-breaks` breaks, for each run of the tests."""

from tests.breaks.test_platform import test_position_mismatch
from tests.breaks.test_services import test_run_failed
from tests.breaks.test_source import test_slot_dropped
from tests.breaks.watch import replicate, watch
from tests.orchestration.test_operation import run, source

__all__ = ["replicate", "run", "source", "test_position_mismatch", "test_run_failed", "test_slot_dropped", "watch"]
