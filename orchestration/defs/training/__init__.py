"""The window of the machine-learning team."""
