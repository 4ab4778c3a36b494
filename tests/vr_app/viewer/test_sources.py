"""A photograph that is no file, from its source to the picture on the screen and the tiles computed of it.

The viewer runs in a process of its own, because a process has one GL platform.
"""

import json
import os
import subprocess
import sys

import numpy as np
from PIL import Image

from tests.helpers.ending import COLD, LIKE_THE_COMMAND
from tests.helpers.places import ROOT

CODE = """
import hashlib, threading, time
from pathlib import Path
import numpy as np
from sr_core.errors import UserError
from sr_core.image.facts import Fact, Origin, PhotographFacts
from sr_core.image.field_of_view import FieldOfView
from sr_core.image.source import OpenedPhotograph
from vr_app.core.view.intent import LookAt, SurfaceKind
from vr_app.core.view.step import step
from vr_app.runtime.choose import open_runtime
from vr_app.viewer.loop import session
from vr_app.viewer.options import Options


class Archive:
    # A photograph from an archive: its pixels are made here, and its header tells the field and whose eye it is.
    id = "archive://patient-7/visit-2"

    def __init__(self):
        self.threads = []

    def open(self):
        self.threads.append(threading.current_thread().name)
        y, x = np.mgrid[:400, :500]
        pixels = np.stack([200 - x // 5, 40 + y // 5, np.full_like(x, 30)], axis=-1).astype(np.uint8)
        pixels.setflags(write=False)
        field = Fact(FieldOfView(260.0, 190.0, 170.0), Origin.HEADER)
        facts = PhotographFacts(
            self.id, "Visit 2", (500, 400), hashlib.sha256(pixels.tobytes()).hexdigest(), field,
            laterality=Fact("left", Origin.HEADER),
        )
        return OpenedPhotograph(pixels, facts)


class Closed:
    id = "archive://patient-8"

    def open(self):
        raise UserError("archive://patient-8: the archive has closed it; ask for it again")


archive, said = Archive(), []
options = Options((Path("none-1.png"), Path("none-2.png")), say=said.append, sources=(archive, Closed()))
with open_runtime("offscreen", (480, 480)) as choice, session(choice.runtime, options) as viewer:
    end = time.monotonic() + 200

    def frames(until):
        while not until():
            assert time.monotonic() < end, (viewer.view, viewer.supply.service.worker.counts)
            viewer.frame()

    frames(lambda: viewer.view.photographs[0] and viewer.view.failed)
    record = viewer.view.photographs[0]
    assert (record.name, record.size, record.laterality) == ("Visit 2", (500, 400), "left"), record
    assert (record.field_center, record.field_radius) == ((260.0, 190.0), 170.0)
    assert set(archive.threads) == {"loader"}
    viewer.view = step(viewer.view, (LookAt(SurfaceKind.PANEL, (0.5, 0.5), 4.0),), 0.0)
    frames(lambda: viewer.view.still_for > 0.2 and viewer.supply.complete)
    computed = [key for key in viewer.supply.residency._slots if key.synthesised]
    assert computed and viewer.supply.service.worker.counts.computed >= len(computed)
    viewer.keeping.screenshots.ask()
    frames(lambda: not viewer.keeping.screenshots.due)
assert any("archive://patient-8" in line for line in said), said
assert not list(Path().glob("none-*")), "nothing is made of what only tells a place"
"""


def test_a_photograph_from_another_source_is_shown_with_its_facts_and_computed_from(tmp_path):
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", COLD + CODE + LIKE_THE_COMMAND]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=300, env=env, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    (path,) = tmp_path.glob("*.png")
    with Image.open(path) as picture:
        shown, about = np.asarray(picture.convert("RGB"), int), json.loads(picture.text["fundusxr:view"])
    (surface,) = about["surfaces"]
    assert surface["photograph"] == "Visit 2"
    told = {key: surface[key] for key in ("field_of_view", "laterality", "laterality_from")}
    assert told == {"field_of_view": "header", "laterality": "left", "laterality_from": "header"}
    assert surface["scale"] > 1
    middle = shown[230:250, 230:250].reshape(-1, 3).mean(axis=0)
    np.testing.assert_allclose(middle, (150, 80, 30), atol=4)  # the source's pixels in its middle
