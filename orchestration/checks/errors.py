"""The errors of the checks at the borders.

FluxError
└── ChecksError            the checks could not be made; says nothing about the data
"""

from orchestration.errors import FluxError


class ChecksError(FluxError):
    """A check could not be made: the contract is wrong, the engine failed or was never tried in this version.

    `engine_words` are the engine's own. They may quote a value: no log has them, only who asks with FLUX_DEBUG=1.
    """

    engine_words: str = ""
