"""How programs other than the command begin, show photographs and end."""

import os
import subprocess
import sys

COLD = """
from sr_core.tiles.worker import Worker
Worker.warm_up = lambda worker: None
"""
"""Without the warm-up: seconds of computing that change no pixel, and that files on disk and tiles ahead wait for."""

LIKE_THE_COMMAND = """
from vr_app.process.interruption import end_process
end_process(0)
"""
"""While one of the worker's threads may still be inside foreign code, an interpreter that ends by itself may crash."""


def shown_by(script: str, *arguments: object, options: tuple[str, ...] = (), **environment: str) -> str:
    """Run a script that ends as the command does, and without an error; return its output. It runs in a process of its
    own, because a process has one GL platform."""
    command = [sys.executable, *options, "-c", script + LIKE_THE_COMMAND, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env={**os.environ, **environment})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
