"""A real OpenXR runtime for the tests: Monado on lavapipe, on a screen in memory, with a headset driven over TCP.

    with Xvfb() as screen, MonadoService(display=screen.name) as service, RemoteHeadset(service.port) as headset:
        client = subprocess.Popen([...], env=service.env)
        headset.update(head=Pose(position=(0.5, 1.6, 0.0)))

Nothing here imitates the runtime: every part starts the program that is installed (see `scripts/rig.sh`), as an
ordinary child process.
"""

from tests.rig.headset import Controller, HeadsetState, Pose, RemoteHeadset, View
from tests.rig.service import MonadoService, missing_programs, validation_env, validation_messages
from tests.rig.wait import PATIENCE, wait_until
from tests.rig.xvfb import Xvfb, grab_window

__all__ = [
    "PATIENCE",
    "Controller",
    "HeadsetState",
    "MonadoService",
    "Pose",
    "RemoteHeadset",
    "View",
    "Xvfb",
    "grab_window",
    "missing_programs",
    "validation_env",
    "validation_messages",
    "wait_until",
]
