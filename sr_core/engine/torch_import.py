"""Load torch beside a drawing thread: the import takes seconds, and must not delay frames."""

from __future__ import annotations

import ctypes
import gc
import importlib.util
import os
import sys
from pathlib import Path


def import_torch() -> None:
    """Import torch so that the interpreter's other threads keep running. Does nothing if it is already imported.

    Garbage collection is suspended meanwhile: each run looks at every object, and an import makes hundreds of
    thousands. They would live to the end in any case, so they are frozen, and later collections stay as short as
    before.
    """
    if "torch" in sys.modules:
        return
    map_libraries()
    collects = gc.isenabled()
    gc.disable()
    try:
        import torch  # noqa: F401
    finally:
        gc.freeze()
        if collects:
            gc.enable()


def map_libraries() -> None:
    """Load the shared libraries of torch's CPU build, in the way that `import torch` will find them.

    An import holds the interpreter's lock while the dynamic loader reads and relocates 450 MB; a foreign call does not.
    The order and the flags are those of `torch/__init__.py`. Only Linux needs it. CUDA builds have a different order
    and are left alone. A library that fails to load is left for the import to report.
    """
    if sys.platform != "linux":
        return
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return
    libraries = Path(found.origin).parent / "lib"
    if (libraries / "libtorch_cuda.so").exists():
        return
    dlopen = ctypes.CDLL(None).dlopen
    dlopen.argtypes, dlopen.restype = (ctypes.c_char_p, ctypes.c_int), ctypes.c_void_p
    dlopen(os.fsencode(libraries / "libtorch_global_deps.so"), os.RTLD_NOW | os.RTLD_GLOBAL)
    dlopen(os.fsencode(libraries / "libtorch_python.so"), os.RTLD_NOW)
