"""The type checker."""

import os
import subprocess
import sys

from tests.helpers.places import ROOT


def test_the_type_checker_finds_nothing():
    """Pyright checks what pyproject.toml includes, for Linux. It brings its own Node, and must not ask the network for
    a newer version of itself."""
    checker = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--pythonplatform", "Linux"]
    offline = os.environ | {"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    answer = subprocess.run(checker, cwd=ROOT, env=offline, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr
