"""Report the complaints of the best-practices validation layer in a client that is a Python process.

The layer as pyopenxr ships it (a release build) only counts its complaints, in a static
`std::unordered_map<std::string, int> BPLogger::errorCounts`, and prints none of them: its silence means nothing. Python
imports this module at start if this folder is on PYTHONPATH (`tests.rig.validation_env` puts it there). It keeps the
layer's library loaded and, at exit, copies from the process's own memory into a JSON file: `frames`, the calls of
xrWaitFrame that went through the layer, and `complaints`, message to count.
"""

import atexit
import ctypes
import json
import os
import struct

COUNTS = b"_ZN8BPLogger11errorCountsB5cxx11E"
FRAMES = b"_ZL12g_frameIndex"


def symbol_address(library: str, symbol: bytes) -> int:
    """Return the address of a local symbol, relative to where the 64-bit ELF file `library` is loaded."""
    with open(library, "rb") as file:
        data = file.read()
    table_at, entry_bytes, entries = struct.unpack_from("<Q", data, 0x28)[0], *struct.unpack_from("<HH", data, 0x3A)
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, table_at + index * entry_bytes) for index in range(entries)]
    for _, kind, _, _, offset, size, link, _, _, _ in sections:
        if kind != 2:  # SHT_SYMTAB
            continue
        names = sections[link][4]
        for at in range(offset, offset + size, 24):
            name, _, _, _, value, _ = struct.unpack_from("<IBBHQQ", data, at)
            if data.startswith(symbol + b"\0", names + name):
                return value
    raise LookupError(f"{library} has no symbol {symbol.decode()}: another build of the layer")


def load_address(library: str) -> int:
    """Return where `library` is mapped in this process."""
    library = os.path.realpath(library)  # a virtual environment may be a symbolic link
    with open("/proc/self/maps") as maps:
        return next(int(line.split("-")[0], 16) for line in maps if line.rstrip().endswith(library))


def read_counts(address: int) -> dict[str, int]:
    """Read the `unordered_map<string, int>` at `address`, in the layout of libstdc++ (one linked list of all its
    nodes)."""
    counts = {}
    node = ctypes.c_uint64.from_address(address + 16).value  # after the bucket array's pointer and length
    while node:
        text, length = (ctypes.c_uint64.from_address(node + offset).value for offset in (8, 16))
        counts[ctypes.string_at(text, length).decode()] = ctypes.c_int32.from_address(node + 40).value
        node = ctypes.c_uint64.from_address(node).value
    return counts


def listen(library: str, report: str) -> None:
    kept = ctypes.CDLL(library)  # otherwise the loader unloads it, counts included, with the OpenXR instance
    base = load_address(library)
    counts, frames = base + symbol_address(library, COUNTS), base + symbol_address(library, FRAMES)

    def write() -> None:
        assert kept
        heard = {"frames": ctypes.c_uint32.from_address(frames).value, "complaints": read_counts(counts)}
        with open(report, "w") as file:
            json.dump(heard, file)

    leave = os._exit

    def leave_and_tell(code: int) -> None:
        """Write the report and exit: a program whose threads are still busy skips its exit handlers."""
        write()
        leave(code)

    atexit.register(write)
    os._exit = leave_and_tell


if "FUNDUSXR_BEST_PRACTICES_REPORT" in os.environ:
    # Taken out of the environment: a child of the client would overwrite the report.
    listen(os.environ["FUNDUSXR_BEST_PRACTICES_LAYER"], os.environ.pop("FUNDUSXR_BEST_PRACTICES_REPORT"))
