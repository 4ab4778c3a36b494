"""Write requirements.lock and requirements-dev.lock from what is installed in this environment.

    .venv/bin/python scripts/lock.py

Every package that the project needs, directly or not, is pinned to the version installed here; the development lock
adds the tools. A local label (torch's '+cpu') is left out, so that the lock matches every build of that version.
"""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
TORCH_ON_CUDA_ONLY = ("nvidia-", "cuda-", "triton")


def closure(wanted: list[str]) -> dict[str, str]:
    """Map the canonical name to the pinned line, for everything that the requirements need on this platform."""
    pins: dict[str, str] = {}
    queue = [Requirement(line) for line in wanted]
    while queue:
        requirement = queue.pop()
        name = canonicalize_name(requirement.name)
        if name in pins or name.startswith(TORCH_ON_CUDA_ONLY):
            continue
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        found = metadata.distribution(requirement.name)
        pins[name] = f"{name}=={found.version.split('+')[0]}"
        queue += [Requirement(line) for line in found.requires or ()]
    return pins


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    # The build backend belongs to the run-time lock too, so that installing the project itself fetches nothing.
    runtime = closure([*project["project"]["dependencies"], "hatchling"])
    tools = closure(project["dependency-groups"]["dev"])
    write("requirements.lock", runtime)
    write("requirements-dev.lock", {name: pin for name, pin in tools.items() if name not in runtime})


def write(name: str, pins: dict[str, str]) -> None:
    head = "# Written by scripts/lock.py.\n"
    (ROOT / name).write_text(head + "\n".join(pins[key] for key in sorted(pins)) + "\n")


if __name__ == "__main__":
    main()
