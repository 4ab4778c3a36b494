"""How torch is loaded: beside a thread that goes on, and harmless where there is nothing to do. In processes of their
own, because a process imports torch once."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.places import ROOT
from tests.rig import PATIENCE

BESIDE_A_THREAD = """
import sys, threading
from pathlib import Path
from sr_core.engine.torch_import import map_libraries

# A thread that holds the interpreter's lock keeps it: the main thread sees only what happens without.
sys.setswitchinterval(1000.0)
done = threading.Event()
thread = threading.Thread(target=lambda: (map_libraries(), done.set()))
thread.start()
seen = 0
while not done.is_set():
    seen += "libtorch_cpu.so" in Path("/proc/self/maps").read_text() and not done.is_set()
thread.join()
assert "libtorch_python.so" in Path("/proc/self/maps").read_text(), "not found: the import will hold up frames"
assert seen > 0, "the interpreter's lock was held while the libraries were loaded"
assert "torch" not in sys.modules
"""

IMPORTS = """
import gc, sys
from sr_core.engine.torch_import import import_torch

{before}
import_torch()
import torch

assert torch.ones(3, 3).sum() == 9
assert gc.isenabled() is {collects}
assert gc.get_freeze_count() > 100_000
frozen = gc.get_freeze_count()
left = [[] for _ in range(1000)]
import_torch()
assert gc.get_freeze_count() <= frozen
"""

STAND_IN = """
from sr_core.engine.torch_import import import_torch
import gc

{before}
try:
    import_torch()
except ImportError as error:
    assert "half a torch" in str(error)
else:
    raise AssertionError("imported")
assert gc.isenabled()
"""


def run(code: str, **options) -> None:
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, **options)
    assert answer.returncode == 0, answer.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux loads the libraries beforehand")
def test_the_libraries_load_while_another_thread_runs():
    run(BESIDE_A_THREAD, cwd=ROOT)


@pytest.mark.parametrize(
    ("before", "collects"),
    [("", True), ("gc.disable()", False), ("sys.platform = 'a system unknown to it'", True)],
    ids=["as-usual", "without-collections", "elsewhere"],
)
def test_torch_works_and_collections_are_as_before(before: str, collects: bool):
    run(IMPORTS.format(before=before, collects=collects), cwd=ROOT)


@pytest.mark.parametrize("cuda", [False, True], ids=["no-libraries", "cuda-build"])
def test_what_cannot_be_loaded_is_left_for_the_import_to_tell(tmp_path: Path, cuda: bool):
    """A torch without its libraries, and one for CUDA, which is not touched at all."""
    package = tmp_path / "torch"
    (package / "lib").mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('half a torch')")
    if cuda:
        (package / "lib" / "libtorch_cuda.so").touch()
    before = "import ctypes; ctypes.CDLL = None" if cuda else ""
    run(STAND_IN.format(before=before), cwd=ROOT, env={"PYTHONPATH": f"{tmp_path}:{ROOT}"})
