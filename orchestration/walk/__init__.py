"""The walk of the data, one function a step: what asset bodies, commands and services call.

Each takes the settings, calls a room, and returns that room's report. A step holds the warehouse's lease only while it
has the live file open. Import the modules, not this package: a collector needs none of what a build needs.
"""
