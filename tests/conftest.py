"""What all tests share: the photographs, the OpenXR rig, and the promise that the rig's tests really ran.

Tests marked `xr` need the programs of `tests.rig`; without them they are skipped with the cure. With
FUNDUSXR_REQUIRE_RIG=1 a skipped XR test fails instead, and a full run (no path, -k, -m or the like given) fails if
fewer XR tests passed than XR_TESTS_EXPECTED. Raise that number with every XR test that is added.

Processes may share a run (`-n 3 --dist loadfile`, see tests/helpers/sharing.py).
"""

from __future__ import annotations

import atexit
import itertools
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.helpers.children import restore_interrupts
from tests.helpers.sharing import SHARED, on_the_screen, yield_to_the_screen
from tests.rig import Xvfb, missing_programs

if TYPE_CHECKING:
    import torch
    from xdist.remote import Producer
    from xdist.scheduler import LoadFileScheduling

XR_TESTS_EXPECTED = 77

CURE = (
    "run scripts/test.sh (as root on Debian it builds the rig), or install monado-service, lavapipe, Xvfb and xdotool"
)
SELECTING = (
    "-k",
    "-m",
    "--deselect",
    "--ignore",
    "--lf",
    "--last-failed",
    "--sw",
    "--stepwise",
    "--co",
    "--collect-only",
)

restore_interrupts()
with suppress(ImportError):  # the check of a CUDA device does without
    import hypothesis

    # No example fails for want of time: another process may have the processor meanwhile.
    patient = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
    hypothesis.settings.register_profile("patient", **patient)
    hypothesis.settings.load_profile("patient")
os.environ["FUNDUSXR_TILE_CACHE"] = "off"  # tests, and the programs they start, share no tiles but where they say so

PASSED_IN_THE_RIG = ("xr", "passed")
"""What the report of an XR test has among its properties."""

_passed_xr_tests: set[str] = set()
_STATE_HOME = tempfile.mkdtemp(prefix="fundusxr-state-")
atexit.register(shutil.rmtree, _STATE_HOME, ignore_errors=True)
_states = itertools.count()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Each test, and the programs it starts, remember folders in a place of their own, never the user's."""
    if not on_the_screen(item.path):
        yield_to_the_screen()
    os.environ["XDG_STATE_HOME"] = f"{_STATE_HOME}/{next(_states)}"


def _rig_required() -> bool:
    return os.environ.get("FUNDUSXR_REQUIRE_RIG") == "1"


def _is_full_run(config: pytest.Config) -> bool:
    """Whether the caller left the choice of tests to the project."""
    by_name = config.args_source == pytest.Config.ArgsSource.ARGS
    return not by_name and not any(str(arg).startswith(SELECTING) for arg in config.invocation_params.args)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    """Where files are shared out (`--dist loadfile`), the tests on the screen stay together."""
    if config.getvalue("dist") != "loadfile":
        return None
    from tests.helpers.scheduler import ScreenThenFiles

    return ScreenThenFiles(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if SHARED:
        items.sort(key=lambda item: not on_the_screen(item.path))
    missing = missing_programs()
    if missing:
        skip = pytest.mark.skip(reason=f"no OpenXR rig here ({', '.join(missing)} missing): {CURE}")
        for item in items:
            if item.get_closest_marker("xr"):
                item.add_marker(skip)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if item.get_closest_marker("xr") is None:
        return report
    if report.skipped and _rig_required() and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"FUNDUSXR_REQUIRE_RIG=1 and this XR test was skipped. {reason}"
    elif report.when == "call" and report.passed:
        report.user_properties.append(PASSED_IN_THE_RIG)
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count where the run's result is told, whichever process has run the test."""
    if PASSED_IN_THE_RIG in map(tuple, report.user_properties):
        _passed_xr_tests.add(report.nodeid)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    passed = len(_passed_xr_tests)
    if not _is_full_run(config) or not _rig_required():
        return
    if passed < XR_TESTS_EXPECTED:
        terminalreporter.write_line(
            f"only {passed} XR tests passed; {XR_TESTS_EXPECTED} are expected (XR_TESTS_EXPECTED in tests/conftest.py)",
            red=True,
        )
    elif passed > XR_TESTS_EXPECTED:
        terminalreporter.write_line(
            f"{passed} XR tests passed: raise XR_TESTS_EXPECTED in tests/conftest.py from {XR_TESTS_EXPECTED}",
            yellow=True,
        )


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workerinput"):  # one of several processes, which has not seen all tests
        return
    too_few = _rig_required() and _is_full_run(session.config) and len(_passed_xr_tests) < XR_TESTS_EXPECTED
    if too_few and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def fundus_data() -> Path:
    """The folder of real photographs, named by FUNDUSXR_DATA and by nothing else."""
    folder = os.environ.get("FUNDUSXR_DATA")
    if not folder:
        pytest.skip("needs the fundus photographs (HRF, IDRiD): set FUNDUSXR_DATA to their folder")
    assert Path(folder).is_dir(), f"FUNDUSXR_DATA={folder} is not a folder"
    return Path(folder).resolve()


@pytest.fixture(scope="session")
def screen() -> Iterator[Xvfb]:
    """One X screen in memory (1920x1200, 24 bit) for all tests that want one; `screen.name` is its DISPLAY."""
    with Xvfb() as server:
        yield server


CLINIC = 14
"""Photographs of the folder below: two pages of the wall."""


@pytest.fixture
def clinic(tmp_path: Path) -> Path:
    """A folder of CLINIC pieces of the bundled photograph, 160 pixels a side, named by their numbers: the second is the
    first, mirrored, and by their names they are two eyes."""
    from PIL import Image

    from sr_core.assets import asset_path

    made = tmp_path / "clinic"
    made.mkdir()
    with Image.open(asset_path("demo", "retina.jpg")) as full:
        for n in range(CLINIC):
            side = {0: " right", 1: " left"}.get(n, "")
            left = 60 * n if n > 1 else 300
            piece = full.convert("RGB").crop((left, 500, left + 160, 660))
            piece = piece.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if n == 1 else piece
            piece.save(made / f"{n:02}{side}.png")
    return made


@pytest.fixture
def drawn_data(tmp_path: Path) -> Path:
    """A data folder with three drawn photographs, and a split of them beside it."""
    from tests.helpers.small_training import write_data

    return write_data(tmp_path)


@pytest.fixture(scope="session")
def cuda() -> torch.device:
    """The CUDA device, for tests marked `gpu`."""
    import torch

    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device: scripts/gpu_check.sh runs it on a machine that has one")
    return torch.device("cuda")


@pytest.fixture
def one_thread() -> Iterator[None]:
    """torch on one thread, so that sums come out the same every time."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
