"""The scripts on a machine in use: another program holds apt's locks, no rig can be built, Ctrl-C is switched off."""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.helpers.children import members, started
from tests.helpers.places import ROOT
from tests.rig import PATIENCE, wait_until

WAITS = "another program uses apt"
needs_apt = pytest.mark.skipif(
    shutil.which("apt-get") is None or os.geteuid() != 0, reason="needs apt-get, and root, for whom alone apt locks"
)


@pytest.fixture
def apt(tmp_path: Path) -> dict[str, str]:
    """The environment in which apt-get has folders of its own, empty and without any source."""
    for name in ("lists/partial", "archives/partial", "dpkg", "etc/apt.conf.d", "etc/preferences.d"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("dpkg/status", "etc/sources.list"):
        (tmp_path / name).touch()
    places = {
        "Dir::State": "",
        "Dir::State::Lists": "lists",
        "Dir::State::status": "dpkg/status",
        "Dir::Cache": "",
        "Dir::Etc": "etc",
        "Dir::Etc::SourceParts": "none",
    }
    (tmp_path / "apt.conf").write_text("".join(f'{key} "{tmp_path / place}";\n' for key, place in places.items()))
    return {**os.environ, "APT_CONFIG": str(tmp_path / "apt.conf")}


def apt_get(*arguments: str) -> list[str]:
    """The command that runs apt-get as the scripts do."""
    script = f'set -euo pipefail; say() {{ echo "$*" >&2; }}; source {shlex.quote(str(ROOT / "scripts/apt.sh"))}; '
    return ["bash", "-c", script + shlex.join(["apt_get", *arguments])]


@needs_apt
@pytest.mark.parametrize(
    ("lock", "arguments", "sign"),
    [
        ("lists/lock", ("update",), WAITS),
        ("dpkg/lock-frontend", ("install", "-y"), "Waiting for cache lock"),
    ],
    ids=["package-lists", "dpkg"],
)
def test_apt_get_waits_while_another_program_holds_a_lock(
    apt: dict[str, str], tmp_path: Path, lock: str, arguments: tuple[str, ...], sign: str
) -> None:
    with (tmp_path / lock).open("w") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        with started(apt_get(*arguments), env=apt, stderr=subprocess.STDOUT) as process:
            said = ""
            while sign not in said:
                line = process.stdout.readline()
                assert line, f"apt-get did not wait: {said}"
                said += line
            assert process.poll() is None
            fcntl.lockf(file, fcntl.LOCK_UN)
            said += process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 0, said
    assert said.count(WAITS) <= 1


@needs_apt
def test_what_apt_get_refuses_is_its_failure_at_once(apt: dict[str, str]) -> None:
    done = subprocess.run(
        apt_get("install", "-y", "no-such-package"), env=apt, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 100
    assert "Unable to locate package no-such-package" in done.stderr
    assert WAITS not in done.stderr


def test_no_script_calls_apt_get_past_the_one_that_waits() -> None:
    calls = [
        f"{script.name}: {line.strip()}"
        for script in (ROOT / "scripts").glob("*.sh")
        for line in script.read_text().splitlines()
        if "apt-get " in line.split("#")[0] and ("install" in line or "update" in line)
    ]
    assert [call for call in calls if "printf" not in call and "fail" not in call] == []


# --- a machine without a rig -----------------------------------------------------------------------------------------

TOOLS = ("bash", "basename", "cat", "cut", "dirname", "env", "flock", "id", "sha256sum")
"""What the scripts need to get as far as the rig; nothing of the rig is among them, nor apt-get."""


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A checkout that is set up, on a machine with nothing but TOOLS (`PATH=bin`); its only test writes `ran`."""
    for name in TOOLS:
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT / "scripts", checkout / "scripts")
    shutil.copytree(ROOT / "tests" / "rig", checkout / "tests" / "rig", ignore=shutil.ignore_patterns("__pycache__"))
    (checkout / "tests" / "__init__.py").touch()
    (checkout / "tests" / "test_one.py").write_text("from pathlib import Path\ndef test_one(): Path('ran').touch()\n")
    for name in ("pyproject.toml", "requirements.lock", "requirements-dev.lock"):
        (checkout / name).touch()
    programs = checkout / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").write_text(f'#!/usr/bin/env bash\nexec {shlex.quote(sys.executable)} "$@"\n')
    (programs / "fundusxr").touch()
    for program in programs.iterdir():
        program.chmod(0o755)
    stamp = f"source {shlex.quote(str(checkout / 'scripts/setup.sh'))}; stamp_of $1 >$venv/$1.stamp"
    for lock in ("requirements.lock", "requirements-dev.lock"):
        subprocess.run(["bash", "-c", stamp, "stamp", lock], check=True)
    return checkout


def run_tests(checkout: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run scripts/test.sh where nothing else is."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FUNDUSXR", "PYTEST"))}
    env = {**kept, "PATH": str(checkout.parent / "bin"), "HOME": str(checkout.parent), **environment}
    env.pop("XDG_CACHE_HOME", None)
    command = [str(checkout / "scripts" / "test.sh"), "-p", "no:cacheprovider"]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=PATIENCE)


def test_where_the_rig_is_required_and_cannot_be_built_no_test_is_begun(bare: Path) -> None:
    done = run_tests(bare, FUNDUSXR_REQUIRE_RIG="1")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "no OpenXR rig here (monado-service" in done.stderr.splitlines()[-1]
    assert "docs/testing.md" in done.stderr.splitlines()[-1]
    assert not (bare / "ran").exists()


def test_elsewhere_what_is_skipped_for_want_of_a_rig_is_said_first(bare: Path) -> None:
    done = run_tests(bare)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the tests marked xr will be skipped" in done.stderr.splitlines()[-1]
    assert (bare / "ran").exists()


# --- Ctrl-C switched off ---------------------------------------------------------------------------------------------

CHILD = """
import signal
import subprocess
import sys

def test_one():
    code = "print(flush=True); import time; time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        child.stdout.readline()
        child.send_signal(signal.SIGINT)
        assert child.wait(120) == -signal.SIGINT
    signal.raise_signal(signal.SIGINT)  # and here, where it was switched off, it still does nothing
"""


def test_programs_end_on_ctrl_c_where_the_tests_were_started_with_it_ignored(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text(CHILD)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    python = shlex.join([sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider"])
    done = subprocess.run(
        ["bash", "-c", f"trap '' INT; exec {python}"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "FUNDUSXR_REQUIRE_RIG": "0"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_program_is_killed_with_what_it_started_when_a_test_fails() -> None:
    code = "import subprocess, sys; subprocess.Popen(['sleep', '600']); print(flush=True); sys.stdin.read()"
    with suppress(AssertionError), started([sys.executable, "-c", code], stdin=subprocess.PIPE) as process:
        assert process.stdout.readline() == ""
    assert process.returncode == -signal.SIGKILL
    wait_until(lambda: not members(process.pid), "the end of the whole group")
