"""The assets, checks, jobs, sensors and schedules, one folder for each room that does the work.

Each module offers `definitions(settings, ...)`; bodies call a room and report, they hold no logic.
"""
