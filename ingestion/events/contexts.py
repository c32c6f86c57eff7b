"""The contexts of a batch's events, each distinct one decoded and flattened once.

A server's SDK sends one context with all of its events, a browser one per page view: so contexts are kept apart from
the events, which refer to them by place. A batch's own context is merged below that of each item, as Segment does.
"""

from ingestion.errors import CallRefusedError
from ingestion.events.flatten import Flattened
from ingestion.events.shapes import Object, decode_object, decode_objects, is_object

_ABSENT = (b"", b"null")


class Contexts:
    """Distinct contexts, in the order of their first event."""

    def __init__(self) -> None:
        self._places: dict[bytes | tuple[bytes, bytes], int] = {}
        self._objects: list[bytes | Object] = []

    def place(self, of_batch: bytes, of_item: bytes, *, strict: bool = True) -> int:
        """Return the place of the merged context. Raises CallRefusedError when one of them is no object.

        `strict` says that the bytes' syntax was checked already.
        """
        key = (of_batch, of_item) if of_batch else of_item
        found = self._places.get(key)
        if found is None:
            item = of_item if of_item not in _ABSENT else b"{}"
            value: bytes | Object = item
            if of_batch:
                value = _merge(decode_object(of_batch, "the batch's context"), decode_object(item, "context"))
            elif not strict:
                value = decode_object(item, "context")
            elif not is_object(item):
                raise CallRefusedError("context is not an object")
            found = self._places[key] = len(self._objects)
            self._objects.append(value)
        return found

    def flatten(self) -> Flattened:
        """Return the contexts' columns, one value per context."""
        return Flattened(decode_objects(self._objects, "context"), prefix="context")


def _merge(below: Object, above: Object) -> Object:
    merged = dict(below)
    for key, item in above.items():
        under = merged.get(key)
        if isinstance(under, dict) and isinstance(item, dict):
            merged[key] = _merge(under, item)
        elif item is not None:
            merged[key] = item
    return merged
