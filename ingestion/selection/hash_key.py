"""The key of keyed hashes: HMAC-SHA256 of a value's text, in lower-case hex.

Equal texts give equal hashes in every table, so hashed columns still join; without the key nobody can try values out.
The key is in no representation, message or log. Its fingerprint tells two keys apart and gives nothing away.
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Final

from ingestion.errors import SelectionError

LEAST_BYTES: Final = 32
HOW: Final = (
    "make one with: (umask 077; openssl rand -hex 32 > hash.key), name it by FLUX_HASH_KEY_FILE, and keep it as long "
    "as the warehouse: another key gives other hashes"
)
_BLOCK: Final = 64


@dataclass(frozen=True, slots=True)
class HashKey:
    """A secret of at least 32 bytes. Raises SelectionError for a shorter one."""

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) < LEAST_BYTES:
            raise SelectionError(
                f"the key of hashed columns has {len(self.secret)} bytes, it needs {LEAST_BYTES} at least; {HOW}"
            )

    @property
    def fingerprint(self) -> str:
        """Eight hex digits that another key does not have."""
        return self.hash("flux: fingerprint of the key")[:8]

    def hash(self, text: str) -> str:
        """Hash one text. Rows go by columns (`ingestion.selection.views`)."""
        return hmac.new(self.secret, text.encode(), hashlib.sha256).hexdigest()

    @property
    def pads(self) -> tuple[bytes, bytes]:
        """Inner and outer block of HMAC (RFC 2104): sha256(outer + sha256(inner + text)). As secret as the key."""
        block = hashlib.sha256(self.secret).digest() if len(self.secret) > _BLOCK else self.secret
        block = block.ljust(_BLOCK, b"\0")
        return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)
