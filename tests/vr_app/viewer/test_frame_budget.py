"""What a session may never do in the midst of it, counted over a whole one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from PIL import Image

from sr_core.assets import asset_path
from tests.helpers.places import ROOT

STOPS = [("panel", 1.0), ("panel", 6.0), ("retina", 2.0), ("panel", 3.0), ("retina", 1.0), ("panel", 1.0)]


def test_a_tour_makes_no_gl_object_and_is_never_held_up_by_a_full_collection(tmp_path: Path) -> None:
    """Zooms, both surfaces, new words, a picture at the end."""
    with Image.open(asset_path("demo", "retina.jpg")) as full:
        full.convert("RGB").crop((100, 500, 400, 750)).save(tmp_path / "disc.png")
    stops = [
        {"surface": kind, "center": [0.4, 0.5], "zoom": zoom, "duration": 0.6, "caption": f"Stop {n}"}
        for n, (kind, zoom) in enumerate(STOPS)
    ]
    (tmp_path / "tour.json").write_text(json.dumps({"version": 1, "image": "disc.png", "stops": stops}))
    words = "view --mode offscreen --size 320x240 --tour tour.json --screenshot end.png --stats stats.json"
    answer = subprocess.run(
        [sys.executable, "-m", "vr_app.cli", *words.split()],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    stats = json.loads((tmp_path / "stats.json").read_text())
    assert (tmp_path / "end.png").exists()
    assert stats["frames"] > 6 * 30
    assert stats["upload_bytes"] > 0
    assert stats["gl_objects_after_warm_up"] == 0
    assert stats["full_collections_in_frames"] == 0
