"""The check of a CUDA device where there is none: it says what is missing and begins nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from scripts import gpu_check
from tests.helpers.places import ROOT
from tests.rig import PATIENCE

no_device = pytest.mark.skipif(
    torch.cuda.is_available(), reason="this machine has the CUDA device that must be missing"
)


def run(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"PYTHON": sys.executable, **environment}
    command = [str(ROOT / "scripts" / "gpu_check.sh"), *arguments]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=PATIENCE)


@no_device
def test_without_a_device_it_says_so_and_writes_nothing(tmp_path: Path) -> None:
    done = run("figures.json", cwd=tmp_path)
    assert done.returncode == 2
    said = done.stderr.splitlines()
    assert said[0] == "gpu_check: nothing was begun; this machine lacks"
    assert f"a CUDA device: torch {torch.__version__}" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_every_missing_package_is_named_with_the_command_that_fetches_it(tmp_path: Path) -> None:
    """A Python without any package, as on a machine where nothing is installed."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(ROOT / "scripts" / "gpu_check.py")],
        cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 2
    words = {word.strip(";',") for word in done.stderr.split()}
    assert words >= {"numpy", "pillow", "imgui-bundle", "platformdirs", "threadpoolctl", "typer", "pytest"}
    assert "pyopenxr" not in words
    assert "gpu_check.sh wheels {}.{} numpy".format(*sys.version_info) in done.stderr
    assert "torch: install a build with CUDA" in done.stderr


def test_the_files_of_marked_tests_are_found() -> None:
    names = {Path(name).name for name in gpu_check.marked_files()}
    assert names >= {"test_generator_cuda.py", "test_cuda.py", "test_trainer.py"}
    assert "test_engine.py" not in names
