"""A short soak under the random tour, without a screen and in a headset; FUNDUSXR_SOAK_SECONDS makes that one long."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.places import ROOT
from tests.rig import MonadoService, RemoteHeadset, Xvfb
from vr_app.bench.soak import BARS, QUICK_SECONDS, REST_EVERY, Wanderer

LONG = os.environ.get("FUNDUSXR_SOAK_SECONDS")
PATIENCE = 300.0 + 3 * float(LONG or 0)


def soaked(folder: Path, env: dict[str, str], *arguments: str) -> dict:
    """What a soak in a process of its own wrote."""
    command = [sys.executable, "-m", "vr_app.cli", "bench", "soak", "--json", "soak.json", "--device", "cpu"]
    env = {**env, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}
    done = subprocess.run([*command, *arguments], cwd=folder, env=env, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert not list(folder.glob("fundusxr-*"))
    return json.loads((folder / "soak.json").read_text())


def nothing_went_wrong(found: dict) -> None:
    rows = {row["name"]: row for row in found["bars"]}
    assert list(rows) == [bar.name for bar in BARS]
    for name in ("soak_errors", "soak_missed_wishes", "soak_tiles_unaccounted"):
        assert rows[name]["value"] == 0, found["samples"]["said"]
    about = found["about"]
    assert about["stops"] >= REST_EVERY
    assert about["tiles"]["wished"] > about["tiles"]["failed"] == 0
    assert about["memory"]["tile_bytes"] <= about["limits_bytes"]["tiles"]
    assert len(found["samples"]["resident_bytes_each_second"]) >= about["seconds"] - 1


def test_a_short_soak_without_a_screen_fails_nothing(tmp_path):
    found = soaked(tmp_path, dict(os.environ), "--quick", "--seed", "3")
    assert found["about"]["seconds"] == QUICK_SECONDS
    assert (found["about"]["mode"], found["about"]["seed"]) == ("offscreen", 3)
    nothing_went_wrong(found)


@pytest.mark.xr
def test_a_soak_in_a_headset_fails_nothing(screen: Xvfb, tmp_path):
    length = ("--seconds", LONG) if LONG else ("--quick",)
    with MonadoService(display=screen.name) as service, RemoteHeadset(service.port):
        found = soaked(tmp_path, service.env, "--mode", "xr", *length)
    print(json.dumps({"bars": found["bars"], "about": found["about"]}))
    assert found["about"]["mode"] == "xr"
    nothing_went_wrong(found)
    assert not LONG or all(row["holds"] for row in found["bars"])


def test_the_same_seed_leads_the_same_way_and_another_elsewhere():
    def way(seed: int) -> list:
        wanderer = Wanderer(seed)
        return [(wanderer.go_on(), wanderer.advance(0.0), wanderer.advance(1.0)) for _ in range(20)]

    assert way(1) == way(1)
    assert way(1) != way(2)
