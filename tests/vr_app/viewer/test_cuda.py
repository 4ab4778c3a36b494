"""The viewer with its network on a CUDA device, drawn offscreen; see `scripts/gpu_check.sh`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sr_core.assets import asset_path
from tests.helpers.places import ROOT

PATIENCE = 240.0
TOUR = {
    "version": 1,
    "stops": [
        {"surface": "panel", "center": [0.2, 0.45], "zoom": 8, "duration": 0.5},
        {"surface": "retina", "center": [0.3, 0.4], "zoom": 3, "duration": 0.5, "travel": 0.5},
        {"surface": "panel", "center": [0.22, 0.3], "zoom": 24, "duration": 0.5, "travel": 0.5},
    ],
}


def shown(folder: Path, device: str) -> tuple[np.ndarray, dict, dict]:
    """The last picture of a tour, what it shows, and the session's statistics."""
    folder.mkdir()
    (folder / "tour.json").write_text(json.dumps(TOUR))
    command = [sys.executable, "-m", "vr_app.cli", "view", asset_path("demo", "retina.jpg"), "--mode", "offscreen"]
    command += ["--device", device, "--size", "640x480", "--tour", "tour.json"]
    command += ["--screenshot", "view.png", "--stats", "stats.json"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))}
    done = subprocess.run(map(str, command), cwd=folder, env=env, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    with Image.open(folder / "view.png") as picture:
        (surface,) = json.loads(picture.text["fundusxr:view"])["surfaces"]
        return np.asarray(picture.convert("RGB"), int), surface, json.loads((folder / "stats.json").read_text())


@pytest.mark.gpu
def test_a_tour_with_the_network_on_the_device_shows_what_the_processor_shows(cuda, tmp_path: Path):
    expected, surface, _ = shown(tmp_path / "cpu", "cpu")
    found, same, statistics = shown(tmp_path / "cuda", "cuda")
    assert surface["scale"] == 8
    assert same == surface
    assert statistics["tiles"]["failed"] == 0
    assert statistics["tiles"]["computed"] > 0
    assert found.std() > 10
    assert np.abs(found - expected).max() <= 3
    assert np.abs(found - expected).mean() < 0.25
