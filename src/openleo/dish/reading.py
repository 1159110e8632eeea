"""Reading a dish, and telling it what to do: the client of the terminals' local interface.

    async with Dish("192.168.100.1", source="192.168.100.50") as dish:
        status = await dish.status()  # a message DishGetStatusResponse, superset of all firmwares
        if outage_name(status):  # "" is connected
            ...
        reading = await dish.read()  # status, history, ... and what in them is unknown to us

A ``Dish`` asks over gRPC (port 9200) and, where nothing answers there, over gRPC-Web (port 9201); it uses no
reflection, so any firmware's file names do.  ``source`` is the local IP address, or on Linux the name of the
interface, from which it connects, over both ways; every dish has the same address, so a site with several
needs it.  Each call ends within ``timeout_s`` (and half a second to find out why there is no connection), and
reads at most 256 KiB.  Calls raise `DishError`, whose ``kind`` says what happened, and never anything else
for what a dish did.  Calls of one ``Dish`` may overlap.

Messages are protobuf's.  Fields and enum values that we do not know stay in them and are named by
`unknown_fields_of` and `unknown_values_of`.  Nothing here imports numpy: small agents use it.
"""

from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

from google.protobuf.message import DecodeError

from openleo.dish.connecting import split_address
from openleo.dish.errors import DishError, Kind
from openleo.dish.grpc_calls import MAX_REPLY_BYTES, GrpcCalls
from openleo.dish.protocol import GRPC_PORT, WEB_PORT, messages, unknown_fields_of, unknown_values_of
from openleo.dish.web_calls import WebCalls

__all__ = [
    "MAX_REPLY_BYTES",
    "Dish",
    "DishError",
    "Kind",
    "Reading",
    "alerts_of",
    "disablement_name",
    "messages",
    "outage_name",
    "unix_ns_of_gps_ns",
    "unknown_fields_of",
    "unknown_values_of",
]

_GPS_EPOCH_UNIX_S: Final = 315_964_800
_GPS_MINUS_UTC_S: Final = 18  # since 2017; dishes and their tools take it as fixed
_GRPC_SHARE: Final = 0.6  # of the time for a call, while it is not known whether gRPC answers


@dataclass(frozen=True, slots=True)
class Reading:
    """What one dish told in one go; a message is None where the dish would not tell it.

    ``unknown`` names fields as ``Message.fieldnumber``, ``unknown_values`` enum values as
    ``Message.field=number``; ``not_told`` says why by the name of the call ("location": "denied").
    """

    status: Any
    history: Any = None
    device_info: Any = None
    location: Any = None
    unknown: tuple[str, ...] = ()
    unknown_values: tuple[str, ...] = ()
    not_told: dict[str, Kind] = field(default_factory=dict)


class Dish:
    """One dish.  Use it as an async context; it connects when first asked."""

    def __init__(
        self,
        address: str,
        *,
        source: str | None = None,
        timeout_s: float = 4.0,
        web: bool | None = None,
        web_port: int | None = None,
    ) -> None:
        """Name a dish: ``host`` or ``host:port``; raises BadInput where it is no address.

        ``web``: True asks over gRPC-Web only (``host:port`` is then that port), False over gRPC only, None
        over gRPC and, where that cannot be reached, over gRPC-Web on ``web_port`` (9201).
        """
        if not timeout_s > 0:
            raise ValueError(f"timeout_s must be above 0, not {timeout_s}")
        host, port = split_address(address, WEB_PORT if web else GRPC_PORT)
        self.address = address
        self.timeout_s = timeout_s
        self._web_only = bool(web)
        self._grpc = None if web else GrpcCalls(host, port, source)
        self._web = None
        if web is not False:
            self._web = WebCalls(host, web_port or (port if web else WEB_PORT), source)
        self._answers: GrpcCalls | WebCalls | None = self._web if web else None  # which way last worked

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close what is open; the dish may be asked again all the same."""
        if self._grpc is not None:
            await self._grpc.close()

    @property
    def over_web(self) -> bool:
        """Tell whether the last answer came over gRPC-Web."""
        return self._answers is not None and self._answers is self._web

    # Asking.

    async def status(self) -> Any:
        """Return DishGetStatusResponse; without ``outage`` it is connected."""
        return await self._ask("get_status", "dish_get_status")

    async def history(self) -> Any:
        """Return DishGetHistoryResponse: 900 s in rings; sample c stands at index c % 900."""
        return await self._ask("get_history", "dish_get_history")

    async def device_info(self) -> Any:
        """Return DeviceInfo: the dish's id, hardware, software, count of starts."""
        return (await self._ask("get_device_info", "get_device_info")).device_info

    async def location(self) -> Any:
        """Return GetLocationResponse; DishError "denied" where the owner or the plan does not allow it."""
        return await self._ask("get_location", "get_location")

    async def config(self) -> Any:
        """Return DishConfig."""
        return (await self._ask("dish_get_config", "dish_get_config")).dish_config

    async def obstruction_map(self) -> Any:
        """Return DishGetObstructionMapResponse."""
        return await self._ask("dish_get_obstruction_map", "dish_get_obstruction_map")

    async def diagnostics(self) -> Any:
        """Return DishGetDiagnosticsResponse, the part that the vendor supports officially."""
        return await self._ask("get_diagnostics", "dish_get_diagnostics")

    async def read(self, *, history: bool = True, location: bool = True) -> Reading:
        """Return status, history and location together.

        What the dish denies or does not have is None, with the reason in ``not_told``; if it cannot be
        reached or does not answer properly, that is raised.
        """
        status = await self.status()
        got: dict[str, Any] = {}
        not_told: dict[str, Kind] = {}
        for name, wanted, ask in (
            ("history", history, self.history),
            ("location", location, self.location),
        ):
            if not wanted:
                continue
            try:
                got[name] = await ask()
            except DishError as error:
                if error.kind not in ("denied", "unsupported", "refused"):
                    raise
                not_told[name] = error.kind
        parts = [status, *got.values()]
        return Reading(
            status=status,
            device_info=status.device_info,
            unknown=tuple(sorted({name for part in parts for name in unknown_fields_of(part)})),
            unknown_values=tuple(sorted({name for part in parts for name in unknown_values_of(part)})),
            not_told=not_told,
            **got,
        )

    # Telling.

    async def stow(self) -> None:
        """Fold the dish away: it loses the network until it is unstowed."""
        await self._ask("dish_stow", "dish_stow")

    async def unstow(self) -> None:
        """Undo stow."""
        await self._ask("dish_stow", "dish_stow", unstow=True)

    async def reboot(self) -> None:
        """Start it anew."""
        await self._ask("reboot", "reboot")

    async def power_save(self, start_min: int, duration_min: int, enable: bool = True) -> None:
        """Let it sleep each day from ``start_min`` minutes after 00:00 UTC, for ``duration_min``.

        The dish refuses a duration outside 1 to 1440, even to switch the schedule off.
        """
        await self._ask(
            "dish_power_save",
            None,
            power_save_start_minutes=start_min,
            power_save_duration_minutes=duration_min,
            enable_power_save=enable,
        )

    async def inhibit_gps(self, inhibit: bool) -> None:
        """Let it ignore GPS, where that is jammed or spoofed; a start undoes it."""
        await self._ask("dish_inhibit_gps", "dish_inhibit_gps", inhibit_gps=inhibit)

    async def clear_obstruction_map(self) -> None:
        """Let it learn its surroundings anew."""
        await self._ask("dish_clear_obstruction_map", "dish_clear_obstruction_map")

    async def _ask(self, name: str, expected: str | None, **fields: Any) -> Any:
        """Send one request and return the member of the reply that answers it."""
        request = messages().Request()
        member = getattr(request, name)
        member.SetInParent()
        for key, value in fields.items():
            setattr(member, key, value)
        data = await self._call(request.SerializeToString())
        try:
            reply = messages().Response.FromString(data)
        except DecodeError as error:
            raise DishError("garbage", f"{self.address} answered {name} with what is no message") from error
        if reply.status.code:
            detail = f"{self.address} answered {name}: {reply.status.message} (status {reply.status.code})"
            raise DishError("refused", detail)
        got = reply.WhichOneof("response")
        if expected is None:
            return reply
        if got != expected:
            kind: Kind = "unsupported" if got else "garbage"
            detail = f"{self.address} answered {name} with {got or 'nothing'}, not {expected}"
            raise DishError(kind, detail)
        return getattr(reply, expected)

    async def _call(self, request: bytes) -> bytes:
        first, other = self._grpc, self._web
        if first is None or self._answers is other is not None:
            assert other is not None
            try:
                return await other.call(request, self.timeout_s)
            except DishError:
                if not self._web_only:
                    self._answers = None  # the next call tries gRPC again
                raise
        if other is None or self._answers is first:
            try:
                reply = await first.call(request, self.timeout_s)
            except DishError as error:
                self._answers = None
                if other is None or error.delivered:
                    raise
                return await self._fall_back(other, request, error)
        else:
            try:
                reply = await first.call(request, self.timeout_s * _GRPC_SHARE)
            except DishError as error:
                if error.delivered:
                    raise
                return await self._fall_back(other, request, error)
        self._answers = first
        return reply

    async def _fall_back(self, other: WebCalls, request: bytes, error: DishError) -> bytes:
        try:
            reply = await other.call(request, self.timeout_s * (1 - _GRPC_SHARE))
        except DishError as second:
            if second.delivered:
                raise
            raise error from second  # nobody there either: what gRPC met says more
        self._answers = other
        return reply


def outage_name(status: Any) -> str:
    """Return the cause of the present outage by its name in the interface, "" for a dish in service.

    A cause that we do not know is ``CAUSE_`` and its number.
    """
    if not status.HasField("outage"):
        return ""
    return _name(messages().DishOutage.Cause, status.outage.cause, "CAUSE")


def disablement_name(status: Any) -> str:
    """Return OKAY, or the reason for which service is refused; a number we do not know is ``CODE_n``."""
    return _name(messages().UtDisablementCode, status.disablement_code, "CODE")


def _name(enum: Any, number: int, other: str) -> str:
    known = enum.DESCRIPTOR.values_by_number.get(number)
    return known.name if known else f"{other}_{number}"


def alerts_of(status: Any) -> list[str]:
    """Return the names of the alerts that are raised, in the order of their numbers."""
    return [field.name for field, value in status.alerts.ListFields() if value]


def unix_ns_of_gps_ns(gps_ns: int) -> int:
    """Return Unix nanoseconds of the GPS nanoseconds in which outages start."""
    return gps_ns + (_GPS_EPOCH_UNIX_S - _GPS_MINUS_UTC_S) * 1_000_000_000
