"""Processes that prepare parts of the log of events beside the load: Python runs on one core, a backlog deserves all.

What a process prepares is what the loader itself would, so that one that dies costs time only: its part is prepared
here. A part comes and goes over a socket; the tables lie in memory that both map, so that nothing is copied twice. A
process ends when its socket does, however its parent ended. Run as `python -m ingestion.load.preparer`.
"""

import copyreg
import io
import logging
import mmap
import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import Empty, SimpleQueue
from types import MappingProxyType
from typing import IO, Any, Final  # Any: what pickle gives

import pyarrow as pa

from ingestion.load.prepared import Part, Prepared

logger = logging.getLogger(__name__)


PROCESSES: Final = 2
_ROOT: Final = Path(__file__).parents[2]
_ALIGNMENT: Final = 64
_SIZE_BYTES: Final = 8


class Preparers:
    """Some processes, begun when there is work for them."""

    def __init__(self, count: int = PROCESSES) -> None:
        self._threads = ThreadPoolExecutor(count, "events-ahead")
        self._idle: SimpleQueue[_Process] = SimpleQueue()

    def prepare(self, part: Part) -> Future[Prepared]:
        """Begin with a part."""
        return self._threads.submit(self._prepare, part)

    def close(self) -> None:
        """Let the processes end; waits for what they are at."""
        self._threads.shutdown(cancel_futures=True)
        while not self._idle.empty():
            self._idle.get().close()

    def _prepare(self, part: Part) -> Prepared:
        process: _Process | None = None
        try:
            process = self._begun()
            prepared = process.prepare(part)
        except (OSError, EOFError) as error:  # of memory or files, or the process was killed
            status = process.close() if process is not None else error
            logger.warning("a process that prepares events ended, its part is prepared here status=%s", status)
            return part.prepare()
        self._idle.put(process)
        return prepared

    def _begun(self) -> "_Process":
        try:
            return self._idle.get_nowait()
        except Empty:
            return _Process()


class _Process:
    def __init__(self) -> None:
        self._line, theirs = socket.socketpair()
        paths = os.pathsep.join(filter(None, (str(_ROOT), os.getenv("PYTHONPATH"))))
        command = [sys.executable, "-P", "-m", __name__]
        with theirs:
            try:
                self._process = subprocess.Popen(
                    command, stdin=theirs.fileno(), env={**os.environ, "PYTHONPATH": paths}
                )
            except BaseException:
                self._line.close()
                raise

    def prepare(self, part: Part) -> Prepared:
        """Let it prepare a part. Raises OSError or EOFError when it is gone."""
        self._line.sendall(pickle.dumps(part))
        said, files, _, _ = socket.recv_fds(self._line, _SIZE_BYTES, 1)
        if len(said) != _SIZE_BYTES or not files:
            raise EOFError
        try:
            memory = mmap.mmap(files[0], 0, access=mmap.ACCESS_READ)
        finally:
            os.close(files[0])
        prepared: Prepared = _Reader(memory, int.from_bytes(said)).load()
        return prepared

    def close(self) -> int:
        """Let it end; its exit status."""
        self._line.close()
        return self._process.wait()


def _view(values: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(values)


# A tracking plan holds views of mappings, which pickle does not take by itself.
copyreg.pickle(MappingProxyType, lambda view: (_view, (dict(view),)))


class _Writer(pickle.Pickler):
    """Writes tables as Arrow streams, one after the other, and what refers to them behind."""

    def __init__(self, file: IO[bytes], values: IO[bytes]) -> None:
        super().__init__(values, protocol=pickle.HIGHEST_PROTOCOL)
        self._file = file

    def persistent_id(self, value: object) -> tuple[int, int] | None:
        if not isinstance(value, pa.Table):
            return None
        self._file.write(bytes(-self._file.tell() % _ALIGNMENT))
        start = self._file.tell()
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, value.schema) as stream:
            stream.write_table(value)
        self._file.write(sink.getvalue())
        return start, self._file.tell()


class _Reader(pickle.Unpickler):
    """Reads what `_Writer` wrote. The tables stay where they are."""

    def __init__(self, memory: mmap.mmap, start: int) -> None:
        super().__init__(memory)
        self._memory = pa.py_buffer(memory)
        memory.seek(start)

    def persistent_load(self, place: Any) -> pa.Table:
        start, end = place
        return pa.ipc.open_stream(self._memory.slice(start, end - start)).read_all()


def main() -> None:
    """Prepare what comes over stdin's socket, until that ends."""
    for number in (signal.SIGINT, signal.SIGTERM):  # the parent decides, whom a terminal or a supervisor tells, too
        signal.signal(number, signal.SIG_IGN)
    with socket.socket(fileno=sys.stdin.fileno()) as line, line.makefile("rb") as parts:
        while True:
            try:
                part: Part = pickle.load(parts)  # noqa: S301  # from the parent, over a socket that has no name
            except (EOFError, ConnectionError):
                return
            with _memory() as file:
                start = _write(part.prepare(), file)
                try:
                    socket.send_fds(line, [start.to_bytes(_SIZE_BYTES)], [file.fileno()])
                except ConnectionError:
                    return


def _write(prepared: Prepared, file: IO[bytes]) -> int:
    """Write tables, then what refers to them; return where that begins."""
    values = io.BytesIO()
    _Writer(file, values).dump(prepared)
    start = file.tell()
    file.write(values.getbuffer())
    file.flush()
    return start


def _memory() -> IO[bytes]:
    """Return a file without a name; in memory where the system has such files."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("flux-events"), "w+b")
    return tempfile.TemporaryFile()


if __name__ == "__main__":
    main()
