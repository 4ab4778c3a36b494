"""How many files of the project one zoom enters: a newcomer who follows it reads no more than these."""

import json
import subprocess
import sys

from tests.helpers.places import ROOT

MOST_TO_WISH, MOST_TO_DRAW = 12, 11
"""From the thumbstick to the wish, and from the finished tile to the draw call. May sink, and never rise."""


def test_one_zoom_enters_few_files():
    command = [sys.executable, "-m", "tests.helpers.zoom_path"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    files = json.loads(done.stdout)
    assert "vr_app/core/hands/hands.py" in files["wish"]
    assert "vr_app/gl/photographs.py" in files["draw"]
    assert len(files["wish"]) <= MOST_TO_WISH, files["wish"]
    assert len(files["draw"]) <= MOST_TO_DRAW, files["draw"]
