"""What goes wrong in a benchmark."""


class BenchError(Exception):
    """A figure could not be measured, or what was measured gave a wrong result."""
