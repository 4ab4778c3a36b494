"""Run Monado as a child process, with everything it writes in a private folder."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from tests.rig.wait import wait_until

RUNTIME_MANIFESTS = (
    "/usr/share/openxr/1/openxr_monado.json",
    "/usr/local/share/openxr/1/openxr_monado.json",
)
LAVAPIPE_MANIFESTS = ("lvp_icd.json", "lvp_icd.x86_64.json", "lvp_icd.aarch64.json")
CORE_REPORT, BEST_PRACTICES_REPORT = "core_validation.txt", "best_practices.json"
LAYERS = "XR_APILAYER_LUNARG_core_validation:XR_APILAYER_KHRONOS_best_practices_validation"


def missing_programs() -> list[str]:
    """Return the names of what this machine lacks for the rig; empty if the rig can run."""
    missing = [name for name in ("monado-service", "Xvfb", "xwininfo", "xdotool") if shutil.which(name) is None]
    if not any(os.path.exists(path) for path in RUNTIME_MANIFESTS):
        missing.append("openxr_monado.json")
    if _lavapipe() is None:
        missing.append("lavapipe")
    return missing


def _lavapipe() -> str | None:
    paths = (f"/usr/share/vulkan/icd.d/{name}" for name in LAVAPIPE_MANIFESTS)
    return next((path for path in paths if os.path.exists(path)), None)


class MonadoService:
    """`monado-service` for the length of a `with` block.

    compositor: "null" composes nothing (320x240 per eye with simulated devices, 20 Hz; fast), "xcb" composes into a
        window "Monado" on `display`, which must then be given.
    devices: "remote" has a head and two controllers driven by `RemoteHeadset(service.port)`; "simulated" has a head
        that wobbles and controllers without input.
    display: the X display, also handed to clients.

    `env` is the whole environment for a client. `log()` is what the service has written. Entering raises `RuntimeError`
    with the log if the service ends instead of accepting clients.
    """

    def __init__(
        self,
        compositor: Literal["null", "xcb"] = "null",
        devices: Literal["remote", "simulated"] = "remote",
        display: str = "",
    ) -> None:
        if compositor == "xcb" and not display:
            raise ValueError("the xcb compositor needs a display")
        self._compositor, self._devices, self._display = compositor, devices, display
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None
        self._last_log = ""
        self._service_env: dict[str, str] = {}
        self.port = 0

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The service's process id, for tests that lose the runtime on purpose."""
        assert self._process is not None
        return self._process.pid

    @property
    def env(self) -> dict[str, str]:
        """The environment in which a process is a client of this service."""
        env = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
        env["XDG_RUNTIME_DIR"] = str(self._folder)
        env["XR_RUNTIME_JSON"] = next(path for path in RUNTIME_MANIFESTS if os.path.exists(path))
        env["VK_DRIVER_FILES"] = _lavapipe() or ""
        env["LIBGL_ALWAYS_SOFTWARE"] = "1"
        env["XDG_SESSION_TYPE"] = "x11"
        if self._display:
            env["DISPLAY"] = self._display
        return env

    def __enter__(self) -> Self:
        # Directly below /tmp: the path of a Unix socket has at most 107 bytes.
        self._folder = Path(tempfile.mkdtemp(prefix="fxr-", dir="/tmp"))
        try:
            self._start(self._folder)
        except BaseException:
            self.stop()
            raise
        return self

    def _start(self, folder: Path) -> None:
        env = self.env | {"XRT_NO_STDIN": "1", "XDG_CONFIG_HOME": str(folder / "config"), "HOME": str(folder)}
        if self._compositor == "null":
            env["XRT_COMPOSITOR_NULL"] = "1"
        else:
            env["XRT_COMPOSITOR_FORCE_XCB"] = "1"
        if self._devices == "remote":
            self.port = _free_port()
            remote = {"version": 0, "port": self.port, "view_count": 2}
            (folder / "config" / "monado").mkdir(parents=True)
            (folder / "config" / "monado" / "config_v0.json").write_text(
                json.dumps({"active": "remote", "remote": remote})
            )
            env["P_OVERRIDE_ACTIVE_CONFIG"] = "remote"
        else:
            env |= {"SIMULATED_ENABLE": "1", "SIMULATED_LEFT": "wmr", "SIMULATED_RIGHT": "wmr"}
        self._service_env = env
        self.start()

    def start(self) -> None:
        """Start the service again, in the same place, after `kill`; returns once it accepts clients."""
        assert self._folder is not None
        with open(self._folder / "service.log", "ab") as log:
            self._process = subprocess.Popen(
                ["monado-service"],
                env=self._service_env,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_until(self._accepts_clients, "monado-service to accept clients")

    def kill(self) -> None:
        """Kill the service as a crash would: it tells its clients nothing."""
        assert self._folder is not None
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        (self._folder / "monado_comp_ipc").unlink()  # this file signals that the service is ready

    def _accepts_clients(self) -> bool:
        if not self.running:
            raise RuntimeError(f"monado-service ended before it accepted a client; its log:\n{self.log()}")
        assert self._folder is not None
        return (self._folder / "monado_comp_ipc").exists()

    def log(self) -> str:
        """Return everything the service has written so far."""
        if self._folder is None:
            return self._last_log
        path = self._folder / "service.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def stop(self) -> str:
        """End the service, remove its folder and return its log. Calling it twice is harmless."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(5.0)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        self._last_log = self.log()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
        return self._last_log

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        log = self.stop()
        if error is not None:
            error.add_note(f"monado-service wrote:\n{log[-4000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def validation_env(folder: Path) -> dict[str, str]:
    """Return the variables that put the core and best-practices validation layers (from pyopenxr's wheel, x86-64) into
    a client that is a Python process; their findings go into files in `folder`, one client at a time."""
    spec = importlib.util.find_spec("xr")
    assert spec is not None
    assert spec.origin is not None
    layers = Path(spec.origin).parent / "api_layer" / "linux_x86_64"
    listener = str(Path(__file__).parent / "listen")
    return {
        "XR_ENABLE_API_LAYERS": LAYERS,
        "XR_API_LAYER_PATH": str(layers),
        "XR_CORE_VALIDATION_EXPORT_TYPE": "text",
        "XR_CORE_VALIDATION_FILE_NAME": str(folder / CORE_REPORT),
        "FUNDUSXR_BEST_PRACTICES_LAYER": str(layers / "libXrApiLayer_best_practices_validation.so"),
        "FUNDUSXR_BEST_PRACTICES_REPORT": str(folder / BEST_PRACTICES_REPORT),
        "PYTHONPATH": os.pathsep.join(filter(None, [listener, os.environ.get("PYTHONPATH", "")])),
    }


def validation_messages(folder: Path) -> list[str]:
    """Return the complaints of the layers of a client that has ended; empty after a clean run.

    Raises `RuntimeError` if either layer did not see a single call, so that a missing layer cannot pass for a clean
    run.
    """
    core, practices = folder / CORE_REPORT, folder / BEST_PRACTICES_REPORT
    lines = core.read_text(errors="replace").splitlines() if core.exists() else []
    if not any("VUID-CoreValidation-Initialize" in line for line in lines):
        raise RuntimeError("the core validation layer was not in the client")
    heard = json.loads(practices.read_text()) if practices.exists() else {"frames": 0}
    if heard["frames"] == 0:
        raise RuntimeError("the best-practices layer saw no frame, or the client did not end in the orderly way")
    own = ("VUID-CoreValidation-Initialize", "VUID-CoreValidation-Destroy")  # the layer's start and end messages
    found = [line for line in lines if line.strip() and not any(name in line for name in own)]
    return found + [f"{message} ({count} times)" for message, count in heard["complaints"].items()]
