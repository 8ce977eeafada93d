"""A killable process that decodes files from outside: bounded in time and memory, a crash is contained.

Decoders of image formats hang while they hold the interpreter's lock, or end the process they run in, on
files of a few hundred bytes. No time-out inside one process helps; only another process can be killed.

The two sides speak over pipes (`pipes`): no pickle. The process learns no file's name and can write no file.
"""

import contextlib
import fcntl
import math
import os
import queue
import resource
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from medvis.data.pipes import Message, receive, send
from medvis.data.verdict import Refused, bad_film

Handler = Callable[[Message, bytearray], tuple[Message, Sequence[memoryview]]]
MEMORY = 2 << 30  # bytes of address space
START = 60.0  # seconds until a new process must be ready, on a busy machine
_ALONE = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_MMAP_MAX_": "0",  # glibc keeps the last film's memory: fresh pages are dear
    "MALLOC_TOP_PAD_": str(64 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(256 << 20),
}


class Worker:
    """One decoder process, started when first needed and again after it had to be killed.

    Args:
        module: What the process runs; it calls `serve`.
        patience: Wall-clock time granted per second of processor time, as others use the machine too.
    """

    def __init__(self, module: str = "medvis.data.worker", *, patience: float = 2.0) -> None:
        self.module = module
        self.patience = patience
        self._process: subprocess.Popen[bytes] | None = None
        self._pipes = (-1, -1)
        self._owner = 0

    def ask(self, head: Message, data: bytes, *, seconds: float) -> tuple[Message, bytearray]:
        """Return the answer to one request.

        Args:
            head: The request, JSON-able.
            data: What follows it.
            seconds: Processor time it may take; the process is killed after `patience` times as long.

        Raises:
            Refused: As the process says; "too-slow" or "decoder-died" if it was killed or ended itself.
        """
        self._start()
        until = time.monotonic() + seconds * self.patience
        try:
            send(self._pipes[0], {**head, "seconds": seconds}, [memoryview(data)], until)
            answer, payload = receive(self._pipes[1], until)
            if "refused" not in answer:
                return answer, payload
            verdict = Refused(answer["refused"], **answer["facts"])
            bad_film("", verdict.code, verdict.facts)  # is no error if it keeps to the closed lists
        except TimeoutError:
            self.stop()
            raise Refused("too-slow", seconds=math.ceil(seconds)) from None
        except (OSError, EOFError, ValueError, KeyError, TypeError):
            if self.stop() == -signal.SIGXCPU:
                raise Refused("too-slow", seconds=math.ceil(seconds)) from None
            raise Refused("decoder-died") from None
        raise verdict

    def stop(self) -> int | None:
        """Kill the process and return how it ended; the next request starts a new one."""
        process, self._process = self._process, None
        if process is None:
            return None
        # One that has ended itself keeps its own reason. In a fork, Popen finds that the process is no child
        # there and leaves it alone.
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
        return process.returncode

    def _start(self) -> None:
        """Have a process ready that is this process's own and alive."""
        if self._process and self._owner == os.getpid() and self._process.poll() is None:
            return
        self.stop()
        self._owner = os.getpid()
        try:
            self._process = _launched(self.module)
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._pipes = self._process.stdin.fileno(), self._process.stdout.fileno()
            for pipe in self._pipes:
                os.set_blocking(pipe, False)
                with contextlib.suppress(AttributeError, OSError):  # Linux only; a pipe of 64 kB is slow
                    fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 1 << 20)
            receive(self._pipes[1], time.monotonic() + START)
        except (OSError, EOFError, ValueError):
            self.stop()
            raise Refused("no-worker") from None


class Pool:
    """A few workers that threads share; whoever comes when all are busy waits."""

    def __init__(self, size: int, module: str = "medvis.data.worker") -> None:
        self.workers = tuple(Worker(module) for _ in range(size))
        self._idle: queue.LifoQueue[Worker] = queue.LifoQueue()  # the warm one first
        for worker in reversed(self.workers):
            self._idle.put(worker)

    def ask(self, head: Message, data: bytes, *, seconds: float) -> tuple[Message, bytearray]:
        """Return the answer of the first idle worker; see `Worker.ask`."""
        worker = self._idle.get()
        try:
            return worker.ask(head, data, seconds=seconds)
        finally:
            self._idle.put(worker)

    def stop(self) -> None:
        """Kill every process."""
        for worker in self.workers:
            worker.stop()


def serve(handle: Handler) -> None:
    """Answer requests until the pipe closes; what the handler raises becomes a verdict without its words.

    Args:
        handle: Takes a head and its bytes, returns a head and its bytes.
    """
    requests, answers = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):  # a library that prints must not speak into the protocol
        os.dup2(null, standard)
    warnings.simplefilter("ignore")
    _confine()
    send(answers, {}, [])
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            send(answers, *_answer(handle, *receive(requests)))


def _launched(module: str) -> "subprocess.Popen[bytes]":
    """Return a new process that runs a module and finds the packages that this one finds."""
    paths = os.pathsep.join(str(Path(path).absolute()) for path in sys.path)
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-P", "-s", "-m", module],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0, cwd="/",
        env={**kept, **_ALONE, "PYTHONPATH": paths},
    )  # fmt: skip


def _answer(handle: Handler, head: Message, data: bytearray) -> tuple[Message, Sequence[memoryview]]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = math.ceil(used.ru_utime + used.ru_stime + head["seconds"] + 1)
    resource.setrlimit(resource.RLIMIT_CPU, (until, resource.RLIM_INFINITY))
    try:
        return handle(head, data)
    except Refused as verdict:
        return {"refused": verdict.code, "facts": verdict.facts}, []
    except MemoryError:
        return {"refused": "memory", "facts": {}}, []
    except BaseException:  # noqa: BLE001  hostile bytes raise anything, a panic of a Rust decoder included
        return {"refused": "damaged", "facts": {}}, []


def _confine() -> None:
    """Take away what decoding does not need: memory without bound, core files, writing, many files."""
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        with contextlib.suppress(ValueError, OSError):  # not every system has every limit
            resource.setrlimit(what, (most, most))


def main() -> None:
    """Decode what comes: DICOM, PNG or JPEG, told apart by content; or only say whose kin it is."""
    from medvis.data import dicom, kinship, picture

    def handle(head: Message, data: bytearray) -> tuple[Message, Sequence[memoryview]]:
        if "key" in head:
            return kinship.read(data, bytes.fromhex(head["key"])), []
        levels = picture.read(data) if picture.is_picture(data) else dicom.read(data, frame=head["frame"])
        return levels.pack()

    serve(handle)


if __name__ == "__main__":
    main()
