"""The end of a session from outside, while a thread is inside what cannot be cut short."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sr_core.assets import asset_path
from tests.helpers.children import started
from tests.helpers.places import ROOT
from tests.rig import PATIENCE, wait_until

ENDLESS = """
import atexit, os, pathlib
atexit.register(print, "the interpreter was taken down")
pathlib.Path(os.environ["IMPORTING"]).touch()
open(os.environ["NEVER"])
"""
"""A torch whose import waits for the disk for ever: nobody writes to the pipe that it opens."""

TOUR = '{"version": 1, "stops": [{"surface": "panel", "center": [0.5, 0.5], "zoom": 20, "duration": 3600}]}'

ENDS = """
import atexit
from vr_app.process.interruption import end_process, watch

atexit.register(print, "taken down")
print("said", end="")
watch(lambda: False)
watch(lambda: {running})
end_process({code})
"""


@pytest.mark.parametrize("code", [0, 2, 130])
@pytest.mark.parametrize("running", [False, True])
def test_the_interpreter_is_taken_down_only_where_no_thread_runs(code: int, running: bool):
    program = ENDS.format(running=running, code=code)
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE)
    assert answer.returncode == code
    assert answer.stdout == ("said" if running else "saidtaken down\n")
    assert answer.stderr == ""


@pytest.mark.parametrize("running", [False, True])
def test_a_program_that_ends_with_words_tells_them_and_fails(running: bool):
    program = ENDS.format(running=running, code="'no such thing'")
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE)
    assert (answer.returncode, answer.stderr) == (1, "no such thing\n")


def test_ctrl_c_while_the_program_itself_is_being_read_is_quiet(tmp_path: Path):
    package = tmp_path / "packages" / "typer"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(ENDLESS)
    os.mkfifo(tmp_path / "never")
    places = {"IMPORTING": str(tmp_path / "importing"), "NEVER": str(tmp_path / "never")}
    command = [sys.executable, "-c", "from vr_app.start import main; main()"]
    env = {**os.environ, "PYTHONPATH": f"{tmp_path / 'packages'}:{ROOT}", **places}
    with started(command, env=env) as process:
        wait_until((tmp_path / "importing").exists, "the import of typer", PATIENCE)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert said[1] == ""


@contextmanager
def view(folder: Path, *arguments: str) -> Iterator[subprocess.Popen]:
    """The viewer offscreen with a torch whose import never ends, begun: it is in that import."""
    package = folder / "packages" / "torch"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(ENDLESS)
    os.mkfifo(folder / "never")
    (folder / "tour.json").write_text(TOUR)
    (folder / "work").mkdir()
    (folder / "temporary").mkdir()
    command = ["view", str(asset_path("demo", "retina.jpg")), "--mode", "offscreen", "--size", "64x64"]
    env = {
        **os.environ,
        "PYTHONPATH": f"{folder / 'packages'}:{ROOT}",
        "TMPDIR": str(folder / "temporary"),
        "IMPORTING": str(folder / "importing"),
        "NEVER": str(folder / "never"),
    }
    words = [sys.executable, "-m", "vr_app.cli", *command, "--tour", folder / "tour.json", *arguments]
    with started(words, cwd=folder / "work", env=env) as process:
        wait_until((folder / "importing").exists, "the import of torch", PATIENCE)
        yield process


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, None], ids=["SIGINT", "SIGTERM", "its own end"])
def test_the_viewer_ends_while_torch_is_being_imported(tmp_path: Path, number: signal.Signals | None):
    # Enough frames that the worker, which makes way for them, has begun its import before they are over.
    with view(tmp_path, *([] if number else ["--frames", "300", "--stats", "stats.json"])) as process:
        if number:
            process.send_signal(number)
        out, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == (130 if number else 0), said
    assert out == ""  # not a word of the interpreter's end: the import was under way to the last
    assert "Traceback" not in said
    if number:
        assert list((tmp_path / "work").iterdir()) == []
    else:
        assert json.loads((tmp_path / "work" / "stats.json").read_text())["frames"] == 300
        assert "wrote stats.json" in said
    assert list((tmp_path / "temporary").iterdir()) == []
