"""Check the program on a CUDA device: the tests marked `gpu`, then `bench engine`, `bench zoom` and `bench frame`.

Run it with scripts/gpu_check.sh, which explains how.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import tomllib
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 450.0
"""Seconds for everything: whatever does not fit is stopped, or not started, and the file says so."""

APART = ("torch", "pyopenxr", "glfw", "pyopengl-accelerate")
"""Dependencies of the project that this check does without: torch must match the driver, and the others serve a
headset, a window and speed."""

PLATFORMS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_24", "manylinux_2_17", "manylinux2014", "manylinux1")

DEVICE = """
import json, torch
known = torch.cuda.is_available()
about = {"torch": torch.__version__, "cuda": torch.version.cuda, "devices": torch.cuda.device_count() if known else 0}
if known:
    card = torch.cuda.get_device_properties(0)
    about |= {"card": card.name, "memory_bytes": card.total_memory, "capability": f"{card.major}.{card.minor}"}
print(json.dumps(about))
"""

OFFSCREEN = """
from vr_app.gl.context import open_offscreen
with open_offscreen() as context:
    print(context.renderer)
"""


def answer(code: str) -> tuple[str, str]:
    """Return the last line that a Python program prints, and the last line of its errors."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    out, said = done.stdout.strip().splitlines(), done.stderr.strip().splitlines()
    return (out[-1] if out and done.returncode == 0 else ""), (said[-1] if said else f"exit {done.returncode}")


def needed() -> list[str]:
    """Return the packages that the check needs besides torch."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = [re.split("[<>=!~]", line)[0].lower() for line in project["dependencies"]]
    return [name for name in (*names, "pytest") if name not in APART]


def is_installed(package: str) -> bool:
    """Whether this Python finds a package, of any version."""
    try:
        metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def missing() -> Iterator[str]:
    """Yield what this machine lacks for the check, one line each with the cure."""
    lacking = [name for name in needed() if not is_installed(name)]
    if lacking:
        version = "{}.{}".format(*sys.version_info)
        yield (
            f"packages: {' '.join(lacking)}; fetch them where there is a network, with 'scripts/gpu_check.sh wheels "
            f"{version} {' '.join(lacking)}', and lay the folder wheels into this checkout"
        )
    if not is_installed("torch"):
        yield "torch: install a build with CUDA that suits the driver"
        return
    found, said = answer(DEVICE)
    if not found:
        yield f"torch cannot be used: {said}"
    elif not json.loads(found)["devices"]:
        about = json.loads(found)
        built = f"built for CUDA {about['cuda']}" if about["cuda"] else "a build without CUDA"
        yield f"a CUDA device: torch {about['torch']} ({built}) finds none"
    if not lacking:
        found, said = answer(OFFSCREEN)
        if not found:
            yield f"OpenGL without a window: {said}"


def machine() -> dict:
    """Describe the device, its driver, and the OpenGL renderer."""
    about = json.loads(answer(DEVICE)[0]) | {"gl_renderer": answer(OFFSCREEN)[0], "python": sys.version.split()[0]}
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        about["driver"] = subprocess.run(query, capture_output=True, text=True, timeout=30).stdout.split("\n")[0]
    except (OSError, subprocess.TimeoutExpired):
        about["driver"] = None
    return about


def marked_files() -> list[str]:
    """Return the test files with tests marked `gpu`, relative to the checkout: the imports of the others may be
    missing."""
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return [str(f.relative_to(ROOT)) for f in files if re.search(r"pytest\.mark\.gpu\b", f.read_text(encoding="utf-8"))]


def limited(command: Sequence[str], seconds: float) -> tuple[int | None, str]:
    """Run a Python program; return its exit code (None: stopped after that many seconds), and the end of its output."""
    if seconds < 5:
        return None, "not begun: no time was left"
    try:
        done = subprocess.run(
            [sys.executable, *command], cwd=ROOT, timeout=seconds, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
    except subprocess.TimeoutExpired as stopped:
        out = stopped.stdout or b""
        said = out.decode(errors="replace") if isinstance(out, bytes) else out
        return None, f"stopped after {seconds:.0f} s\n{said[-2000:]}"
    return done.returncode, done.stdout[-6000:]


def run_tests(folder: Path, seconds: float) -> dict:
    """Run the tests marked `gpu`; return the outcome of each."""
    report = folder / "tests.xml"
    options = ("-m", "gpu", "-p", "no:cacheprovider", "-o", "filterwarnings=default", f"--junitxml={report}", "-q")
    code, said = limited(("-m", "pytest", *options, *marked_files()), seconds)
    print(said, flush=True)
    found: dict = {"exit": code, "passed": 0, "skipped": 0, "failed": {}, "seconds": {}}
    if not report.exists():
        return found | {"said": said}
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        bad = next((part for part in case if part.tag in ("failure", "error")), None)
        if bad is not None:
            found["failed"][name] = f"{bad.get('message', '')}\n{(bad.text or '')[-1500:]}"
        else:
            found["skipped" if case.find("skipped") is not None else "passed"] += 1
        found["seconds"][name] = float(case.get("time", 0))
    return found


def run_bench(name: str, folder: Path, seconds: float) -> dict:
    """Return what `fundusxr bench NAME` writes, or why it wrote nothing."""
    path = folder / f"{name}.json"
    code, said = limited(("-m", "vr_app.cli", "bench", name, "--device", "cuda", "--json", str(path)), seconds)
    print(said, flush=True)
    return json.loads(path.read_text()) if code == 0 and path.exists() else {"exit": code, "said": said}


def check(out: Path) -> bool:
    """Run everything and write the file; return whether all went well."""
    begun = time.monotonic()

    def left() -> float:
        return LIMIT - (time.monotonic() - begun)

    found: dict = {"form": 1, "began": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine()}
    with tempfile.TemporaryDirectory(prefix="fundusxr-gpu-") as name:
        folder = Path(name)
        for part, share in (("tests", 0.5), ("engine", 0.4), ("zoom", 0.5), ("frame", 1.0)):
            print(f"gpu_check: {part}, {left():.0f} s left", flush=True)
            before = time.monotonic()
            seconds = left() * share
            found[part] = run_tests(folder, seconds) if part == "tests" else run_bench(part, folder, seconds)
            found[part]["took_seconds"] = round(time.monotonic() - before, 1)
            out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")  # survives a later failure
    tests = found["tests"]
    print(f"gpu_check: {tests['passed']} tests passed, {tests['skipped']} skipped, {len(tests['failed'])} failed")
    print(f"gpu_check: wrote {out}")
    good = tests["exit"] == 0 and not tests["skipped"]
    return good and all("bars" in found[part] for part in ("engine", "zoom", "frame"))


def fetch_wheels(version: str, names: Sequence[str]) -> int:
    """Download the locked wheels of packages (none named: `needed`) and of their dependencies into wheels/, for Linux
    and another version of Python."""
    platforms = [word for platform in PLATFORMS for word in ("--platform", f"{platform}_x86_64")]
    locks = [word for lock in ("requirements.lock", "requirements-dev.lock") for word in ("--constraint", lock)]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", *platforms, *locks]
    command += ["--python-version", version, "--implementation", "cp", "--dest", "wheels"]
    return subprocess.run([*command, *(names or needed())], cwd=ROOT).returncode


def main() -> int:
    if sys.argv[1:2] == ["wheels"]:
        if len(sys.argv) < 3:
            print("gpu_check: wheels needs the other machine's Python version, for instance 3.12", file=sys.stderr)
            return 2
        return fetch_wheels(sys.argv[2], sys.argv[3:])
    if lacking := list(missing()):
        print("gpu_check: nothing was begun; this machine lacks", *lacking, sep="\n  ", file=sys.stderr)
        return 2
    out = Path(sys.argv[1] if len(sys.argv) > 1 else f"gpu-check-{datetime.now(UTC):%Y-%m-%d-%H%M}.json").absolute()
    if out.exists():
        print(f"gpu_check: {out} is there already; name another file", file=sys.stderr)
        return 2
    os.chdir(ROOT)
    return 0 if check(out) else 1


if __name__ == "__main__":
    sys.exit(main())
