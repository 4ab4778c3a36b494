"""The wheel: it carries what the program needs, says of itself what is true, and works where no checkout is."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Sequence
from email import message_from_string
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement
from PIL import Image

from tests.helpers.places import ROOT
from tests.rig import PATIENCE

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SCALES = (2, 4, 8)
RIVALS = "sr_core/_assets/rivals/"
SHIPPED = ("rdb-file", "rdb-lite", "rdb-lite-gan")
MOST_BYTES = 12_000_000
"""Of the wheel: what docs/contributing.md says of it."""


def run(command: Sequence[object], cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program outside the checkout, which must succeed; nothing but its own environment tells it of packages."""
    unset = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    env = {name: value for name, value in os.environ.items() if name not in unset}
    env |= {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "OMP_NUM_THREADS": "1", **environment}
    answer = subprocess.run([*map(str, command)], cwd=cwd, env=env, capture_output=True, text=True, timeout=600)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built with what is installed here: no network."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "wheel", ROOT, "--no-deps", "--no-build-isolation", "--no-index")
    run([*pip, "--wheel-dir", folder], folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a new environment that holds the wheel, and borrows its dependencies from this one.

    The borrowed folders are named in a .pth file. Their own .pth files (the one of an editable install among them) are
    not read, so that nothing leads to the checkout.
    """
    home = tmp_path_factory.mktemp("elsewhere") / "venv"
    run([sys.executable, "-m", "venv", "--without-pip", home], home.parent)
    python = home / "bin" / "python"
    site = Path(run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], home).stdout.strip())
    borrowed = [entry for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages")]
    (site / "borrowed.pth").write_text("\n".join(borrowed) + "\n", encoding="utf-8")
    # --ignore-installed: what the borrowed folders hold under the same name stays there.
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", "--ignore-installed")
    run([*pip, wheel], home)
    return home / "bin"


def files_below(folder: str, prefix: str) -> dict[str, bytes]:
    """Bytes of the checkout's files in a folder, by their names in the wheel."""
    return {
        f"{prefix}/{path.relative_to(ROOT / folder).as_posix()}": path.read_bytes()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_carries_the_program_and_its_data_and_nothing_else(wheel: Path) -> None:
    expected = files_below("sr_core", "sr_core") | files_below("vr_app", "vr_app")
    expected |= files_below("assets", "sr_core/_assets") | files_below("shaders", "vr_app/_shaders")
    expected = {name: data for name, data in expected.items() if not name.startswith(RIVALS)}
    with zipfile.ZipFile(wheel) as archive:
        carried = {name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name}
    assert sorted(carried) == sorted(expected)
    assert [name for name in carried if carried[name] != expected[name]] == []
    for name in (
        "sr_core/_assets/demo/retina.jpg",
        "sr_core/_assets/demo/CREDITS.md",
        "sr_core/_assets/tours/demo.json",
        "sr_core/_assets/splits/fundus.json",
        "sr_core/_assets/configs/rdb_lite_x4.toml",
        "vr_app/_shaders/surface.frag",
    ):
        assert name in carried


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("model", SHIPPED)
def test_the_wheel_carries_weights_with_their_card(wheel: Path, model: str, scale: int) -> None:
    stem = f"sr_core/_assets/weights/{model}-x{scale}"
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read(f"{stem}.safetensors")
        assert json.loads(archive.read(f"{stem}.json"))


def test_the_wheel_carries_no_rivals_and_is_small(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        weights = {Path(name).stem for name in archive.namelist() if name.endswith(".safetensors")}
    assert weights == {f"{model}-x{scale}" for model in SHIPPED for scale in SCALES}
    assert wheel.stat().st_size < MOST_BYTES


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (info,) = {name.split("/")[0] for name in archive.namelist() if ".dist-info/" in name}
        about = message_from_string(archive.read(f"{info}/METADATA").decode())
        assert archive.read(f"{info}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
        assert "fundusxr = vr_app.start:main" in archive.read(f"{info}/entry_points.txt").decode()
    assert wheel.name == f"fundusxr-{PROJECT['version']}-py3-none-any.whl"
    assert (about["Name"], about["Version"]) == ("fundusxr", PROJECT["version"])
    assert about["License-Expression"] == "MIT"
    assert about["Requires-Python"] == ">=3.11"
    assert about.get_payload().strip() == (ROOT / "README.md").read_text(encoding="utf-8").strip()
    required = [Requirement(line) for line in about.get_all("Requires-Dist")]
    wanted = {(r.name.lower(), r.specifier, str(r.marker)) for r in required if "extra" not in str(r.marker)}
    told = map(Requirement, PROJECT["dependencies"])
    assert wanted == {(r.name.lower(), r.specifier, str(r.marker)) for r in told}
    assert len(wanted) > 5
    assert set(about.get_all("Provides-Extra")) == PROJECT["optional-dependencies"].keys()


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_the_locks_pin_public_versions_only(name: str) -> None:
    """No local label (torch's '+cpu'), no file and no address: every build of that version fits."""
    pins = [Requirement(line) for line in (ROOT / name).read_text().splitlines() if not line.startswith("#")]
    assert pins
    for pin in pins:
        (version,) = pin.specifier
        assert version.operator == "=="
        assert "+" not in version.version
        assert pin.url is None


def test_an_editable_install_copies_no_data(tmp_path: Path) -> None:
    """Copies would go stale, and the checkout has the files."""
    build = "import sys, hatchling.build; hatchling.build.build_editable(sys.argv[1])"
    run([sys.executable, "-c", build, tmp_path], ROOT)
    (built,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        assert [n for n in archive.namelist() if ".dist-info/" not in n] == ["_fundusxr.pth"]


def test_the_installed_program_upscales_with_its_own_weights(installed: Path, tmp_path: Path) -> None:
    places = "import sr_core, vr_app; print(sr_core.__path__[0], vr_app.__path__[0], sep='\\n')"
    packages = [Path(line) for line in run([installed / "python", "-c", places], tmp_path).stdout.splitlines()]
    assert [package.is_relative_to(installed.parent) for package in packages] == [True, True]
    assets = packages[0] / "_assets"
    photograph = assets / "demo" / "retina.jpg"
    run([installed / "fundusxr", "upscale", photograph, "out.png", "--region", "250,640,40,30"], tmp_path)
    with Image.open(tmp_path / "out.png") as picture:
        assert picture.size == (160, 120)
        used = picture.text["fundusxr:weights-sha256"]
        assert picture.text["fundusxr:agrees-with"] == "file"
    assert used == hashlib.sha256((assets / "weights" / "rdb-file-x4.safetensors").read_bytes()).hexdigest()


def test_the_installed_program_tells_of_a_rival_where_it_is(installed: Path, tmp_path: Path) -> None:
    for command in (("upscale", "eye.jpg", "out.png"), ("view", "eye.jpg", "--mode", "offscreen")):
        (tmp_path / "eye.jpg").write_bytes((ROOT / "assets" / "demo" / "retina.jpg").read_bytes())
        program = [str(installed / "fundusxr"), *command, "--model", "srgan"]
        answer = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)
        assert answer.returncode == 2
        assert "no such weights" in answer.stderr
        assert "checkout" in answer.stderr
        assert "Traceback" not in answer.stderr
    doctor = subprocess.run([installed / "fundusxr", "doctor"], capture_output=True, text=True, timeout=300)
    assert "none: networks of others are there in a checkout alone" in " ".join(doctor.stdout.split())


def test_the_installed_program_shows_its_photograph_with_its_shaders(installed: Path, tmp_path: Path) -> None:
    view = (installed / "fundusxr", "view", "--mode", "offscreen", "--size", "64x64", "--frames", "3")
    run([*view, "--screenshot", "out.png"], tmp_path)
    with Image.open(tmp_path / "out.png") as picture:
        (surface,) = json.loads(picture.text["fundusxr:view"])["surfaces"]
        pixels = np.asarray(picture, int)
    assert surface["photograph"] == "retina.jpg"
    assert pixels.shape == (64, 64, 3)
    red, _, blue = pixels[32, 32]
    assert red > blue + 50
