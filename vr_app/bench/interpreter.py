"""Who holds the interpreter's lock, looked up several thousand times a second.

No Python thread can look: it would have to hold the lock itself. So a child process reads, out of this one's memory,
the word in which CPython 3.11 keeps the thread that runs. Only Linux has such a read (process_vm_readv), and not every
container allows it; where it is not to be had, nobody is found and the reason is told.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise

EVERY = 0.0002
"""Seconds between two looks; the system makes it some 0.26 ms, of which a look takes a fiftieth of a core."""

SEARCHED = 4096
"""Bytes of the interpreter's own record in which the word is looked for."""

PATIENCE = 10.0
"""Seconds that the child may take to begin and to end."""

ALLOW_READING = 0x59616D61
"""prctl's PR_SET_PTRACER: where Linux restricts who may read whose memory, a process can name one that may."""

NOT_HERE = "who holds the interpreter: only CPython 3.11 on Linux tells"
NOT_ALLOWED = "who holds the interpreter: this system does not let a process read another one's memory"


@dataclass(frozen=True)
class Held:
    """A thread, by `thread_state`, held the lock from one look to another: nanoseconds of `perf_counter_ns`."""

    state: int
    begun: int
    ended: int


@dataclass
class Holders:
    """`found`: filled when the looking has ended. `told`: why nobody was found; empty: somebody was."""

    found: tuple[Held, ...] = ()
    told: str = ""


class _Piece(ctypes.Structure):
    """A piece of memory, as process_vm_readv takes it."""

    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


def thread_state() -> int:
    """The address by which the interpreter knows the calling thread."""
    own = ctypes.pythonapi.PyThreadState_Get
    own.restype = ctypes.c_void_p
    return own()


@contextmanager
def holders() -> Iterator[Holders]:
    """Look while the block runs."""
    answer = Holders()
    word = _word()
    if word is None:
        answer.told = NOT_HERE
        yield answer
        return
    program = [sys.executable, "-m", __name__, str(os.getpid()), str(word)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            ctypes.CDLL(None).prctl(ALLOW_READING, child.pid, 0, 0, 0)
            assert child.stdout is not None  # it is a pipe
            begun = child.stdout.readline() == "looking\n"
            answer.told = "" if begun else NOT_ALLOWED
            yield answer
            with suppress(OSError, ValueError, subprocess.TimeoutExpired):
                written, _ = child.communicate("", timeout=PATIENCE)
                answer.found = _spans(json.loads(written)) if begun else ()
        finally:
            child.kill()


def _word() -> int | None:
    """The address of the word that names the thread that runs: the calling one's while it holds the lock, and nothing
    while it has given the lock up to read. None: not found."""
    if sys.platform != "linux" or sys.version_info[:2] != (3, 11):
        return None
    start = ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime"))
    try:
        holding, given_up = (_read(library, start) for library in (ctypes.PyDLL(None), ctypes.CDLL(None)))
    except (OSError, AttributeError):
        return None
    own = thread_state()
    words = [i for i, (a, b) in enumerate(zip(holding, given_up, strict=True)) if a == own and b == 0]
    return start + 8 * words[0] if len(words) == 1 else None


def _read(library: ctypes.CDLL, start: int) -> list[int]:
    words = (ctypes.c_uint64 * (SEARCHED // 8))()
    _copy(library, os.getpid(), start, words)
    return list(words)


def _copy(library: ctypes.CDLL, process: int, address: int, into: ctypes.Array) -> None:
    """Copy another process's memory. Raises OSError."""
    here, there = _Piece(ctypes.addressof(into), ctypes.sizeof(into)), _Piece(address, ctypes.sizeof(into))
    size = library.process_vm_readv(process, ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
    if size != ctypes.sizeof(into):
        raise OSError("the memory cannot be read")


def _spans(looks: list[tuple[int, int]]) -> tuple[Held, ...]:
    """Changes as (nanoseconds, thread from then on, 0: nobody) to spans."""
    return tuple(Held(state, at, until) for (at, state), (until, _) in pairwise(looks) if state)


def main() -> None:
    """The child. Arguments: the process, and the address of the word. Looks until its input is closed, then prints the
    changes as JSON. Elsewhere than on Linux nobody starts it."""
    if sys.platform != "linux":
        return
    process, address = map(int, sys.argv[1:])
    library, word, ends = ctypes.CDLL(None), (ctypes.c_uint64 * 1)(), []
    for _ in range(100):  # until the parent has allowed it
        with suppress(OSError):
            _copy(library, process, address, word)
            break
        time.sleep(0.01)
    else:
        return
    print("looking", flush=True)
    os.set_blocking(0, False)
    looks = [(time.perf_counter_ns(), 0)]
    while not ends:
        time.sleep(EVERY)
        _copy(library, process, address, word)
        now = time.perf_counter_ns()
        if word[0] != looks[-1][1]:
            looks.append((now, word[0]))
        with suppress(BlockingIOError):
            ends = [os.read(0, 1)]
    print(json.dumps([*looks, (time.perf_counter_ns(), 0)]))


if __name__ == "__main__":
    main()
