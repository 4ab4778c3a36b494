"""The program's commands, as tests run them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.helpers.places import ROOT
from tests.rig import PATIENCE
from vr_app import cli

QUIET = {"OMP_NUM_THREADS": "1", "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "200", "PYTHONPATH": str(ROOT)}


UNPRIVILEGED = (
    ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"] if os.geteuid() == 0 else []
)
"""A prefix for a command that must respect file permissions even if this user is root."""


@dataclass(frozen=True)
class Answer:
    """The output of a command."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """The lines for the user."""
        return self.err.splitlines()


class Commands:
    """Runs commands in this process: the same code without importing torch every time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *words: object) -> Answer:
        self._monkeypatch.setattr(sys, "argv", ["fundusxr", *map(str, words)])
        before = signal.getsignal(signal.SIGTERM)
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = end.code or 0
        finally:
            signal.signal(signal.SIGTERM, before)
        written = self._capsys.readouterr()
        return Answer(code, written.out, written.err)


def without_privileges(*words: object, cwd: Path, **environment: str) -> Answer:
    """Run a command in a process without root's privileges, so that it respects file permissions."""
    return in_process(*words, cwd=cwd, before=UNPRIVILEGED, **environment)


def in_process(*words: object, cwd: Path, before: Sequence[str] = (), **environment: str) -> Answer:
    """Run a command in a process of its own, with the words `before` in front of it."""
    done = subprocess.run(
        [*before, sys.executable, "-m", "vr_app.cli", *map(str, words)],
        capture_output=True,
        timeout=PATIENCE,
        cwd=cwd,
        env={**os.environ, **QUIET, **environment},
    )
    out, err = (text.decode("utf-8", "surrogateescape") for text in (done.stdout, done.stderr))
    return Answer(done.returncode, out, err)
