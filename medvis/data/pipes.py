"""One message over a pipe: a JSON head and raw bytes, up to a deadline.

A length of four bytes, an object of that length whose "bytes" says how much follows, and that many bytes.
"""

import contextlib
import json
import os
import select
import struct
import time
from collections.abc import Sequence
from typing import Any

Message = dict[str, Any]
LARGEST = 256 << 20  # bytes after a head
_LENGTH = struct.Struct(">I")
_LARGEST_HEAD = 1 << 16


def send(pipe: int, head: Message, data: Sequence[memoryview], until: float | None = None) -> None:
    """Write a head and what follows it.

    Args:
        pipe: File descriptor.
        head: JSON-able; "bytes" is added to it.
        data: What follows.
        until: Time of the monotonic clock to give up at; the pipe must not block then.

    Raises:
        TimeoutError: If the other side did not read in time.
        OSError: If it is gone.
    """
    payload = [part.cast("B") for part in data if part.nbytes]
    text = json.dumps({**head, "bytes": sum(part.nbytes for part in payload)}).encode()
    for part in (memoryview(_LENGTH.pack(len(text)) + text), *payload):
        sent = 0
        while sent < len(part):
            _wait(pipe, select.POLLOUT, until)
            with contextlib.suppress(BlockingIOError):
                sent += os.write(pipe, part[sent : sent + (1 << 20)])


def receive(pipe: int, until: float | None = None) -> tuple[Message, bytearray]:
    """Return the next head and what follows it.

    Raises:
        TimeoutError: If it did not come in time.
        EOFError: If the other side is gone.
        ValueError: If it is no message.
    """
    (length,) = _LENGTH.unpack(_read(pipe, _LENGTH.size, until))
    if length > _LARGEST_HEAD:
        raise ValueError("head too long")
    try:
        head = json.loads(_read(pipe, length, until))
    except RecursionError:
        raise ValueError("head too deep") from None
    size = head.pop("bytes", None) if isinstance(head, dict) else None
    if not isinstance(size, int) or not 0 <= size <= LARGEST:
        raise ValueError("no count of bytes")
    return head, _read(pipe, size, until)


def _read(pipe: int, size: int, until: float | None) -> bytearray:
    data = bytearray(size)
    view, have = memoryview(data), 0
    while have < size:
        _wait(pipe, select.POLLIN, until)
        with contextlib.suppress(BlockingIOError):
            got = os.readv(pipe, [view[have:]])
            if got == 0:
                raise EOFError
            have += got
    return data


def _wait(pipe: int, what: int, until: float | None) -> None:
    if until is None:
        return  # the worker's own side blocks
    poll = select.poll()
    poll.register(pipe, what)
    left = until - time.monotonic()
    if left <= 0 or not poll.poll(left * 1000):
        raise TimeoutError
