"""Processes of the program's own, on systems that differ."""

import subprocess
import sys

import pytest

from vr_app.process.environment import apart


def test_a_process_apart_is_in_a_group_of_its_own() -> None:
    child = [sys.executable, "-c", "import os; print(os.getpid() == os.getpgrp())"]
    told = [subprocess.run(child, capture_output=True, text=True, **about).stdout for about in ({}, apart())]
    assert told == ["False\n", "True\n"]


def test_windows_is_asked_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0x200, raising=False)
    assert apart() == {"creationflags": 0x200}
