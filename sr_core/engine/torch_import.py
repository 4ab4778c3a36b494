"""How torch is loaded beside a thread that draws: its import takes seconds, and must not hold up frames for them."""

from __future__ import annotations

import ctypes
import gc
import importlib.util
import os
import sys
from pathlib import Path


def import_torch() -> None:
    """Import torch so that other threads of the interpreter go on. Nothing is done where it is imported already.

    Collections are put off meanwhile: each looks at every object there is, and an import makes hundreds of thousands.
    They would live to the end anyhow, so they are frozen, and later collections stay as short as before.
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
    """Load the processor build's shared libraries of torch, as `import torch` will find them.

    An import holds the interpreter's lock while the dynamic loader reads and relocates 450 MB; a foreign call does not.
    The order and the flags are those of `torch/__init__.py`. Only Linux needs it, and builds for CUDA have an order of
    their own: they are left alone. So is what cannot be loaded, for the import to report.
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
