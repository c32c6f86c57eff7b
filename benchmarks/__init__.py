"""Every speed beside its physical floor, measured in the same run. Imports what it measures; nobody imports it."""
