"""The remote headset of Monado: a head and two controllers, moved by packets over TCP.

The packet is Monado's `struct r_remote_data` (`src/xrt/drivers/remote/r_interface.h`), little endian, 376 bytes. Poses
are those of OpenXR: metres, unit quaternions (x, y, z, w), right-handed, y up, -z ahead, in the local floor space's
axes.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass, field, fields, replace
from types import TracebackType
from typing import Self

from tests.rig.wait import PATIENCE

HEADER = b"mndrmt3\0"
PACKET_BYTES = 376

_POSE = struct.Struct("<7f")
_VIEW = struct.Struct("<4f7f4x")
_CONTROLLER = struct.Struct("<7f 3f3f 5f f f f 2f f 2f 13? 3x")
_BUTTONS = 13


@dataclass(frozen=True)
class Pose:
    """Orientation as a unit quaternion (x, y, z, w), position in metres."""

    orientation: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0)
    position: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def pack(self) -> bytes:
        return _POSE.pack(*self.orientation, *self.position)

    @classmethod
    def of(cls, values: tuple[float, ...]) -> Pose:
        return cls(values[:4], values[4:7])  # type: ignore[arg-type]


@dataclass(frozen=True)
class View:
    """One eye: field of view as angles in radians (left and down negative), pose in the head's frame."""

    left: float
    right: float
    up: float
    down: float
    pose: Pose


@dataclass(frozen=True)
class Controller:
    """One controller. Values are 0 to 1, thumbstick and trackpad -1 to 1 each way, velocities in m/s and rad/s.

    A press of the trigger takes both `trigger` and `trigger_click`: the driver derives neither from the other.
    """

    pose: Pose = Pose()
    linear_velocity: tuple[float, float, float] = (0.0, 0.0, 0.0)
    angular_velocity: tuple[float, float, float] = (0.0, 0.0, 0.0)
    curls: tuple[float, float, float, float, float] = (0.0,) * 5
    trigger: float = 0.0
    squeeze: float = 0.0
    squeeze_force: float = 0.0
    thumbstick: tuple[float, float] = (0.0, 0.0)
    trackpad_force: float = 0.0
    trackpad: tuple[float, float] = (0.0, 0.0)
    hand_tracking_active: bool = False
    active: bool = True
    system_click: bool = False
    system_touch: bool = False
    a_click: bool = False
    a_touch: bool = False
    b_click: bool = False
    b_touch: bool = False
    trigger_click: bool = False
    trigger_touch: bool = False
    thumbstick_click: bool = False
    thumbstick_touch: bool = False
    trackpad_touch: bool = False

    def pack(self) -> bytes:
        pose = (*self.pose.orientation, *self.pose.position)
        buttons = (getattr(self, item.name) for item in fields(self)[-_BUTTONS:])
        return _CONTROLLER.pack(
            *pose,
            *self.linear_velocity,
            *self.angular_velocity,
            *self.curls,
            self.trigger,
            self.squeeze,
            self.squeeze_force,
            *self.thumbstick,
            self.trackpad_force,
            *self.trackpad,
            *buttons,
        )

    @classmethod
    def unpack(cls, data: bytes) -> Controller:
        v = _CONTROLLER.unpack(data)
        return cls(Pose.of(v[:7]), v[7:10], v[10:13], v[13:18], v[18], v[19], v[20], v[21:23], v[23], v[24:26], *v[26:])


@dataclass(frozen=True)
class HeadsetState:
    """The contents of a packet. `views` count only if `per_view_data_valid`."""

    views: tuple[View, View]
    head: Pose = Pose()
    per_view_data_valid: bool = False
    left: Controller = field(default_factory=Controller)
    right: Controller = field(default_factory=Controller)

    def pack(self) -> bytes:
        views = b"".join(
            _VIEW.pack(v.left, v.right, v.up, v.down, *v.pose.orientation, *v.pose.position) for v in self.views
        )
        head = views + self.head.pack() + struct.pack("<?3x", self.per_view_data_valid)
        return HEADER + head + self.left.pack() + self.right.pack()

    @classmethod
    def unpack(cls, data: bytes) -> HeadsetState:
        """Read a packet. Raises `ValueError` for a packet of another length or protocol (another Monado).

        A service that has not received anything yet leaves the header zero in its own packets.
        """
        if len(data) != PACKET_BYTES or data[:8] not in (HEADER, bytes(8)):
            raise ValueError(
                f"Monado's remote driver speaks {data[:8]!r} in {len(data)} bytes; "
                f"this needs {HEADER!r} in {PACKET_BYTES}: Monado 25.0 or newer"
            )
        views = []
        for offset in (8, 56):
            v = _VIEW.unpack_from(data, offset)
            views.append(View(*v[:4], Pose.of(v[4:])))
        head = Pose.of(_POSE.unpack_from(data, 104))
        return cls(
            (views[0], views[1]),
            head,
            bool(data[132]),
            Controller.unpack(data[136:256]),
            Controller.unpack(data[256:376]),
        )


class RemoteHeadset:
    """A connection to the remote driver on `port`, for the length of a `with` block.

    `state` is the last state sent (on connecting: the one that the service reported). A packet takes effect within a
    frame; the service answers nothing, so a test waits for its effect in the client.
    """

    def __init__(self, port: int, timeout_s: float = PATIENCE) -> None:
        self._connection = socket.create_connection(("127.0.0.1", port), timeout_s)
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self._receive()  # the state that a reset returns to, then the current one
            self.state = HeadsetState.unpack(self._receive())
        except BaseException:
            self.close()
            raise

    def _receive(self) -> bytes:
        data = b""
        while len(data) < PACKET_BYTES:
            more = self._connection.recv(PACKET_BYTES - len(data))
            if not more:
                raise ConnectionError(f"Monado's remote driver closed the connection after {len(data)} bytes")
            data += more
        return data

    def send(self, state: HeadsetState) -> None:
        self._connection.sendall(state.pack())
        self.state = state

    def update(self, **changes: object) -> None:
        """Send the current state with fields of `HeadsetState` changed: `update(head=Pose(...))`."""
        self.send(replace(self.state, **changes))  # type: ignore[arg-type]

    def left(self, **changes: object) -> None:
        """Send the current state with fields of the left controller changed: `left(trigger=1.0)`."""
        self.update(left=replace(self.state.left, **changes))  # type: ignore[arg-type]

    def right(self, **changes: object) -> None:
        """Like `left`, for the right controller."""
        self.update(right=replace(self.state.right, **changes))  # type: ignore[arg-type]

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
