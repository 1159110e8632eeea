"""Requests to a dish: what it does and answers, and the exact errors of a real one.

A request is answered with bytes, or refused with `Answered` holding gRPC's status code and message, as read
from real dishes.  Where no dish was seen to answer, the code is assumed and marked so.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Final

from google.protobuf.message import DecodeError

from openleo.dish import replies
from openleo.dish.inputs import POWER_SAVE_MINUTES, LocationPolicy
from openleo.dish.protocol import messages
from openleo.dish.terminal import Terminal

# gRPC status codes.
INVALID_ARGUMENT: Final = 3
PERMISSION_DENIED: Final = 7
FAILED_PRECONDITION: Final = 9
UNIMPLEMENTED: Final = 12
INTERNAL: Final = 13
UNAVAILABLE: Final = 14


class Answered(Exception):
    """The dish says no: a gRPC status."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


# Request -> why not.
_DENIED: Final = {
    "dish_get_context": (PERMISSION_DENIED, "Permission denied"),
    "dish_set_config": (PERMISSION_DENIED, "Permission denied"),
    "set_test_mode": (PERMISSION_DENIED, "Permission denied"),
    "dish_get_emc": (PERMISSION_DENIED, ""),
    "dish_set_emc": (PERMISSION_DENIED, ""),
    "authenticate": (PERMISSION_DENIED, "Invalid challenge"),
    "software_update": (FAILED_PRECONDITION, "Software update stream not open"),
    "transceiver_get_status": (UNIMPLEMENTED, "Unimplemented"),
    "transceiver_get_telemetry": (UNIMPLEMENTED, "Unimplemented"),
}
_LOCATION: Final = {
    LocationPolicy.NOT_ENABLED: "GetLocation requests are not enabled on this device",
    LocationPolicy.BY_POLICY: "Failed to get location: Disabled due to policy",
}


def go_name(case: str) -> str:
    """Return the Go type of a case of Request, which a dish names: ``*device.Request_WifiGetClients``."""
    return "*device.Request_" + "".join(part[:1].upper() + part[1:] for part in case.split("_"))


class Handler:
    """One dish's answers.  Replies that do not change within a tick are kept as bytes until the next."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self._kept: dict[str, bytes] = {}
        self._kept_at: tuple[int, int] = (-1, -1)

    def handle(self, data: bytes) -> bytes:
        """Return the bytes of the Response to the bytes of a Request; raises Answered."""
        if not self.terminal.reachable:
            raise Answered(UNAVAILABLE, "connection refused")
        try:
            request = messages().Request.FromString(data)
        except DecodeError:
            raise Answered(INTERNAL, "grpc: error unmarshalling request") from None  # assumed
        body = self._body(request)
        return body + messages().Response(id=request.id).SerializeToString() if request.id else body

    def _body(self, request: Any) -> bytes:
        """Return the Response without the request's id."""
        case = request.WhichOneof("request")
        if case is None or not self.terminal.firmware.has(f"SpaceX.API.Device.Request.{case}"):
            raise Answered(UNIMPLEMENTED, "Unimplemented: <nil>")
        if case in _DENIED:
            raise Answered(*_DENIED[case])
        if case == "get_location" and (why := _LOCATION.get(self.terminal.location_policy)):
            raise Answered(PERMISSION_DENIED, why)
        if case in _KEPT:
            return self._keep(case)
        act = _acts().get(case)
        if act is None:
            raise Answered(UNIMPLEMENTED, f"Unimplemented: {go_name(case)}")
        reply = messages().Response(api_version=self.terminal.firmware.api_version)
        act(self.terminal, getattr(request, case), reply)
        done: bytes = reply.SerializeToString()
        return done

    def _keep(self, case: str) -> bytes:
        now = (self.terminal.dishes.tick, self.terminal.dishes.now_s)
        if now != self._kept_at:
            self._kept.clear()
            self._kept_at = now
        kept = self._kept.get(case)
        if kept is None:
            member, make = _KEPT[case]
            reply = messages().Response(api_version=self.terminal.firmware.api_version)
            made = make(self.terminal)
            target = getattr(reply, member)
            target.SetInParent()
            target.MergeFrom(made)
            kept = self._kept[case] = reply.SerializeToString()
        return kept


def _info(one: Terminal) -> Any:
    info = replies.device_info(one)
    one.firmware.strip(info)
    return messages().GetDeviceInfoResponse(device_info=info)


def _config(one: Terminal) -> Any:
    return messages().DishGetConfigResponse(dish_config=replies.config(one))


_KEPT: Final[dict[str, tuple[str, Callable[[Terminal], Any]]]] = {
    "get_status": ("dish_get_status", replies.status),
    "get_history": ("dish_get_history", replies.history),
    "get_device_info": ("get_device_info", _info),
    "get_location": ("get_location", replies.location),
    "get_diagnostics": ("dish_get_diagnostics", replies.diagnostics),
    "dish_get_config": ("dish_get_config", _config),
    "dish_get_obstruction_map": ("dish_get_obstruction_map", replies.obstruction_map),
}


def _stow(one: Terminal, request: Any, reply: Any) -> None:
    one.dishes.command(one.row, "unstow" if request.unstow else "stow")
    reply.dish_stow.SetInParent()


def _reboot(one: Terminal, _: Any, reply: Any) -> None:
    one.dishes.command(one.row, "reboot")
    reply.reboot.SetInParent()


def _power_save(one: Terminal, request: Any, reply: Any) -> None:
    start, duration = request.power_save_start_minutes, request.power_save_duration_minutes
    if not (start < POWER_SAVE_MINUTES and 1 <= duration <= POWER_SAVE_MINUTES):
        # That 0 is refused is known, even to switch it off; the code and the words are assumed.
        raise Answered(INVALID_ARGUMENT, "Invalid power save schedule")
    values = {"start_min": start, "duration_min": duration, "enable": int(request.enable_power_save)}
    one.dishes.command(one.row, "power_save", values)
    reply.status.SetInParent()


def _inhibit_gps(one: Terminal, request: Any, reply: Any) -> None:
    one.dishes.command(one.row, "inhibit_gps", {"inhibit": int(request.inhibit_gps)})
    reply.dish_inhibit_gps.inhibit_gps = request.inhibit_gps
    reply.dish_inhibit_gps.SetInParent()


def _clear(one: Terminal, _: Any, reply: Any) -> None:
    one.dishes.command(one.row, "clear_obstruction_map")
    reply.dish_clear_obstruction_map.SetInParent()


def _time(one: Terminal, _: Any, reply: Any) -> None:
    reply.time.unix_nano = one.dishes.now_s * 1_000_000_000


@cache
def _acts() -> dict[str, Callable[[Terminal, Any, Any], None]]:
    return {
        "dish_stow": _stow,
        "reboot": _reboot,
        "dish_power_save": _power_save,
        "dish_inhibit_gps": _inhibit_gps,
        "dish_clear_obstruction_map": _clear,
        "time": _time,
    }
