"""The errors of the checks at the borders.

FluxError
└── ChecksError            the checks could not be made; says nothing about the data
"""

from orchestration.errors import FluxError


class ChecksError(FluxError):
    """A check could not be made: the contract is wrong, the engine failed or was never tried in this version."""
