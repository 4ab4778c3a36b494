"""Run the probe client as a child process and read its reports."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.rig.wait import PATIENCE

CLIENT = Path(__file__).with_name("probe_client.py")


class Probe:
    """`probe_client.py` with `options`, in the environment `env`, for the length of a `with` block."""

    def __init__(self, env: dict[str, str], *options: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(CLIENT), *options],
            env=env | {"PYOPENGL_PLATFORM": "glx"},  # read at PyOpenGL's import; OpenXR's Xlib binding wants GLX
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reports: queue.Queue[dict | None] = queue.Queue()
        self._errors: list[str] = []
        self._readers = [threading.Thread(target=self._read_reports), threading.Thread(target=self._read_errors)]
        for reader in self._readers:
            reader.start()

    def _read_reports(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):  # layers and loader write to the same stream
                self._reports.put(json.loads(line))
        self._reports.put(None)

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        self._errors.extend(self._process.stderr)

    def until(self, condition: Callable[[dict], bool], what: str, timeout_s: float = PATIENCE) -> dict:
        """Return the first report from now on that meets `condition`. Raises `AssertionError` naming `what` if none
        does."""
        deadline = time.monotonic() + timeout_s
        report: dict | None = {}
        while time.monotonic() < deadline:
            try:
                report = self._reports.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                break
            if report is None:
                raise AssertionError(f"the client ended before {what}:\n{''.join(self._errors)}")
            if condition(report):
                return report
        raise AssertionError(f"no {what} within {timeout_s:g} s; last report: {report}")

    def until_focused(self) -> dict:
        return self.until(lambda report: report["state"] == "FOCUSED" and "right" in report, "FOCUSED")

    def end(self, timeout_s: float = PATIENCE) -> int:
        """Ask the client to end in the orderly way and return its exit code."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self._process.wait(timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for reader in self._readers:
            reader.join()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()
