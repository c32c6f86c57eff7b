"""When Dagster asks for something by the clock, declared at the asset or check itself.

The models are not asked for so: they follow the loaded position (`automation.py`). What is made of them in the morning
waits until they were, so the time is that from which on it may be, not one at which it fails when a build is late.
"""

from typing import Any, Final

import dagster as dg

from orchestration.walk.building import WHOLE_AT

MORNING: Final = f"{WHOLE_AT:%M %H} * * *"
MONDAY: Final = f"{WHOLE_AT:%M %H} * * 1"

_free = ~dg.AutomationCondition.any_deps_in_progress() & ~dg.AutomationCondition.in_progress()
# Once all that it is made of was made since that time, and is not being made again.
EACH_MORNING: Final = (dg.AutomationCondition.on_cron(MORNING) & _free).with_label("each_morning")
EACH_MONDAY: Final = (dg.AutomationCondition.on_cron(MONDAY) & _free).with_label("each_monday")
# A comparison with the source needs nothing that was made before.
_tick: dg.AutomationCondition[Any] = dg.AutomationCondition.cron_tick_passed(MORNING)  # Any: of assets or of checks
COMPARED_EACH_MORNING: Final = (_tick.since_last_handled() & ~dg.AutomationCondition.in_progress()).with_label(
    "compared_each_morning"
)
