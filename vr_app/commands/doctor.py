"""`fundusxr doctor`: what the program needs, what of it is there, and the cure for what is not."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata

from rich.console import Console
from rich.markup import escape

from sr_core.errors import UserError
from vr_app.xr.probe import ProbeResult

OK, WARNING, FAULT = "ok", "warning", "fault"
COLORS = {OK: "green", WARNING: "yellow", FAULT: "red"}

TORCH_RANGE = ((2, 6), (3,))
"""The torch versions that the program works with: from the first on, below the second."""


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `state`: OK, WARNING (something is missing, the rest works) or FAULT; with a `cure`."""

    subject: str
    state: str
    text: str
    cure: str = ""


def examine(console: Console) -> int:
    """Look at everything and print it; 0 where the viewer can work at least offscreen, else 1."""
    findings = [finding for look in CHECKS for finding in _guarded(look)]
    for finding in findings:
        console.print(f"[{COLORS[finding.state]}]{finding.state:8}[/] {finding.subject:13} {escape(finding.text)}")
        if finding.cure:
            console.print(f"{'':8} {'':13} cure: {escape(finding.cure)}")
    return 1 if any(finding.state == FAULT for finding in findings) else 0


def _guarded(look: Callable[[], Iterable[Finding]]) -> Iterable[Finding]:
    """A check that breaks is itself a finding."""
    try:
        return tuple(look())
    except Exception as error:  # the doctor must not fall ill
        name = look.__name__.strip("_")
        return (Finding(name, FAULT, f"could not be checked: {error}", "reinstall the program: scripts/run.sh"),)


def _python() -> Iterable[Finding]:
    version = platform.python_version()
    good = sys.version_info >= (3, 11)
    yield Finding(
        "Python", OK if good else FAULT, f"{version} ({sys.executable})", "" if good else "install Python 3.11 or later"
    )


def _torch() -> Iterable[Finding]:
    try:
        installed = metadata.version("torch")
    except metadata.PackageNotFoundError:
        yield Finding("torch", FAULT, "not installed", "pip install torch==2.13.0, or run scripts/run.sh")
        return
    numbers = tuple(int(part) for part in installed.split("+")[0].split(".")[:2] if part.isdecimal())
    if not TORCH_RANGE[0] <= numbers < TORCH_RANGE[1]:
        yield Finding("torch", FAULT, installed, "install torch >=2.6,<3")
        return
    import torch

    yield Finding("torch", OK, installed)
    if torch.cuda.is_available():
        yield Finding("device", OK, f"cuda: {torch.cuda.get_device_name()}")
        return
    from sr_core.engine.generator_cpu import measured_precision

    precision = str(measured_precision(torch.device("cpu"))).removeprefix("torch.")
    yield Finding("device", OK, f"cpu: {torch.get_num_threads()} threads, computes in {precision} (measured)")
    graphics = _nvidia_gpu()
    if graphics:
        built = f"built for CUDA {torch.version.cuda}" if torch.version.cuda else "a build without CUDA"
        yield Finding(
            "GPU",
            WARNING,
            f"{graphics}, which the installed torch ({built}) cannot use",
            "install a torch build with CUDA that suits the driver into .venv; scripts/run.sh keeps it",
        )


def _nvidia_gpu() -> str:
    """The name of an NVIDIA card that the driver knows; empty where there is none."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ""
    answer = subprocess.run(
        [tool, "--query-gpu=name", "--format=csv,noheader"], capture_output=True, text=True, timeout=20, check=False
    )
    return answer.stdout.strip().splitlines()[0] if answer.returncode == 0 and answer.stdout.strip() else ""


_RENDERER_PROBE = """
from vr_app.gl.context import {opener}
context = {opener}({arguments})
print(context.renderer, "|", context.version)
context.close()
"""


def _opengl() -> Iterable[Finding]:
    """Each kind of context in a process of its own, because one process has only one GL platform."""
    offscreen = _ask(_RENDERER_PROBE.format(opener="open_offscreen", arguments=""))
    yield Finding("GL offscreen", OK if offscreen[0] else FAULT, *offscreen[1:])
    window = _ask(_RENDERER_PROBE.format(opener="open_window", arguments="'FundusXR', (64, 64), visible=False"))
    yield Finding("GL window", OK if window[0] else WARNING, *window[1:])


def _ask(code: str) -> tuple[bool, str, str]:
    """Whether it worked, what it said, and the cure that its error names."""
    program = (
        "import sys\nfrom sr_core.errors import UserError\ntry:\n"
        + "\n".join("    " + line for line in code.strip().splitlines())
        + "\nexcept UserError as error:\n    print(error); sys.exit(2)\n"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    said = (answer.stdout.strip().splitlines() or answer.stderr.strip().splitlines() or ["no answer"])[-1]
    if answer.returncode == 0:
        return True, said, ""
    cause, _, cure = said.partition("; ")
    return False, cause, cure or "install Mesa: apt-get install libegl1 libgl1 libgl1-mesa-dri"


def _openxr() -> Iterable[Finding]:
    from vr_app.xr.probe import probe

    found = probe()
    if not found.runtime:
        cause, _, cure = found.problem.partition("; ")
        cure = cure or "only needed for a headset: start its runtime (SteamVR, Monado)"
        yield Finding("OpenXR", WARNING, cause, cure)
        return
    yield Finding("OpenXR", OK, found.runtime)
    if found.available:
        sizes = ", ".join(f"{width}x{height}" for width, height in found.view_sizes)
        yield Finding("headset", OK, f"{found.system} ({sizes} per eye)")
        yield _layers(found)
    else:
        yield Finding("headset", WARNING, found.problem, "connect the headset and start its runtime")
    yield Finding("extensions", OK, ", ".join(found.extensions))


def _layers(found: ProbeResult) -> Finding:
    """By what composition layers the runtime can show panels and the retina."""
    width, height = found.largest_picture
    text = f"{', '.join(found.layers)}; at most {found.most_layers}, pictures up to {width}x{height}"
    if found.layer_quirk:
        known = f"{text}; this runtime {found.layer_quirk}"
        return Finding("layers", WARNING, known, "view --layers on uses them anyway")
    return Finding("layers", OK, text)


def _weights() -> Iterable[Finding]:
    from sr_core.networks.names import is_rival
    from sr_core.networks.zoo import available_models

    models = available_models()
    rivals = [name for name in models if is_rival(name)]
    if not models:
        yield Finding("weights", FAULT, "none", "reinstall the program, or train them: fundusxr train --help")
    for name in sorted(models, key=rivals.__contains__):
        for scale in models[name]:
            yield _network(name, scale, "; a rival, for the comparison" if name in rivals else "")
    if rivals:
        text = f"{', '.join(rivals)}: for fundusxr evaluate; the viewer offers them where --model names one"
    else:
        text = "none: networks of others are there in a checkout alone, for fundusxr evaluate"
    yield Finding("rivals", OK, text)


def _network(name: str, scale: int, remark: str) -> Finding:
    from sr_core.networks.zoo import load_model

    try:
        network = load_model(name, scale)
    except UserError as error:
        cause, _, cure = str(error).partition("; ")
        return Finding(f"{name} x{scale}", FAULT, cause, cure)
    return Finding(f"{name} x{scale}", OK, f"sha256 {network.sha256[:12]}, halo {network.halo}{remark}")


def _display() -> Iterable[Finding]:
    if not sys.platform.startswith("linux"):
        return
    display, wayland = os.environ.get("DISPLAY"), os.environ.get("WAYLAND_DISPLAY")
    if display or wayland:
        shown = ", ".join(filter(None, (f"X11 {display}" if display else "", f"Wayland {wayland}" if wayland else "")))
        yield Finding("display", OK, shown)
    else:
        yield Finding("display", WARNING, "none", "log in to a desktop for a window; offscreen works without")


def _fonts() -> Iterable[Finding]:
    from vr_app.fonts import SHIPPED, all_fonts

    shipped, *others = all_fonts()
    if not shipped.is_file():
        yield Finding("fonts", FAULT, f"{shipped} is missing", "reinstall the program: scripts/run.sh")
        return
    yield Finding("fonts", OK, f"{SHIPPED}: Latin, Greek, Cyrillic")
    if others:
        yield Finding("fonts, CJK", OK, str(others[0]))
    else:
        cure = "only needed for such file names: apt-get install fonts-noto-cjk, or your system's equivalent"
        yield Finding("fonts, CJK", WARNING, "none for Chinese, Japanese and Korean", cure)


CHECKS = (_python, _torch, _display, _opengl, _openxr, _fonts, _weights)
