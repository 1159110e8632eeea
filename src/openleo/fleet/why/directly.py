"""Reading one dish now, for saying why it is dark: no register, no account, no history of ours."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from openleo.base.errors import BadInput
from openleo.dish.reading import Dish, DishError, alerts_of, messages
from openleo.fleet.dish_samples import (
    Odd,
    Position,
    Stretch,
    boot_of,
    id_of,
    position_of,
    ring_samples,
    status_sample,
)
from openleo.fleet.sample import Sample
from openleo.fleet.why.inputs import Case, DishFacts, Expected, Subject
from openleo.fleet.why.sky import Sky, sky_of

# How a connection fails, in the words of systems and of gRPC.
_NO_HOST: Final = ("name or service not known", "no address", "nodename", "name resolution", "not known",
                   "getaddrinfo", "domain name not found", "dns")  # fmt: skip
_NO_ROUTE: Final = ("no route", "unreachable: ", "network is unreachable", "host is unreachable",
                    "network is down")  # fmt: skip
_CLOSED: Final = ("connection refused", "connect call failed", "refused")
NO_PLACE: Final = "no location: "  # how a note begins of a dish that may not tell where it is
_LIMIT_UNKNOWN: Final = "UNKNOWN"


async def case_of_dish(
    address: str,
    *,
    source: str | None = None,
    now_ns: int,
    rain_mm_h: float | None = None,
    expected: Expected | None = None,
) -> tuple[Case, list[str]]:
    """Return all that one dish tells now as a case, and notes of what it would not tell.

    Raises BadInput where the address is none, and where no dish answers there: who is silent may be a dish
    without power, another machine, or nobody, and only a register knows that a dish is there.
    """
    notes: list[str] = []
    async with Dish(address, source=source) as dish:
        try:
            status = await dish.status()
        except DishError as error:
            raise no_dish(address, error) from error
        terminal = _id(status, address, notes)
        history = await _ask("history", dish.history, notes)
        location = await _ask("location", dish.location, notes)
        diagnostics = await _ask("diagnostics", dish.diagnostics, notes)
        sky = await _ask("obstruction map", dish.obstruction_map, notes)
    position = None if location is None else position_of(location)
    samples = _samples(status, history, terminal, position, now_ns, notes)
    model = None
    if expected is not None and position is not None:
        model = expected.at(position.latitude_deg, position.longitude_deg, now_ns)
    elif expected is not None:
        notes.append("the dish does not tell where it is, so it cannot be compared with the run")
    case = Case(
        kit=Subject(terminal=terminal, name=address), now_ns=now_ns, samples=samples, rain_mm_h=rain_mm_h,
        facts=facts_of(status, diagnostics, sky), expected=model, alone=True,
    )  # fmt: skip
    return case, notes


_KNOWN: Final = "if it is a dish of the register: openleo fleet why TERMINAL tells how it stood"


def no_dish(address: str, error: DishError) -> BadInput:
    """Return what is wrong at an address where no dish answers, told apart by how it fails."""
    said = error.detail.lower()
    if error.kind in ("garbage", "too-big", "unsupported"):
        return BadInput(
            f"{address} is not a dish: something else answers there ({error.detail})",
            "a dish answers at 192.168.100.1, port 9200; check the address and the port",
        )
    if error.kind in ("refused", "denied"):
        return BadInput(f"{address} refuses to be asked for its status: {error.detail}", error.hint)
    if any(word in said for word in _NO_HOST):
        return BadInput(f"no such host: {address} has no address ({error.detail})", "check how it is spelt")
    if any(word in said for word in _NO_ROUTE):
        return BadInput(
            f"no route to {address}: {error.detail}",
            f"is this machine in the site's network, or is --source needed? {_KNOWN}",
        )
    if any(word in said for word in _CLOSED):
        return BadInput(
            f"refused: a machine is at {address} and nothing listens there as a dish does ({error.detail})",
            f"a dish listens on port 9200; check the address and the port; {_KNOWN}",
        )
    return BadInput(
        f"nobody answers at {address}: {error.detail}",
        f"a dish without power, its cable, or an address where no dish is: {_KNOWN}",
    )


def _id(status: Any, address: str, notes: list[str]) -> str:
    try:
        return id_of(status)
    except Odd as odd:
        notes.append(str(odd))
        return address


async def _ask(what: str, ask: Callable[[], Awaitable[Any]], notes: list[str]) -> Any:
    try:
        return await ask()
    except DishError as error:
        notes.append(f"no {what}: {error.detail}")
        return None


def _samples(
    status: Any, history: Any, terminal: str, position: Position | None, now_ns: int, notes: list[str]
) -> Sequence[Sample]:
    """Return the quarter minutes of its history and the second of its status."""
    found: list[Sample] = []
    if history is not None:
        try:
            found = ring_samples(
                history, Stretch(terminal=terminal, boot=boot_of(status), after=0, newest_ns=now_ns)
            )
        except Odd as odd:
            notes.append(str(odd))
    return [*found, status_sample(status, terminal=terminal, time_ns=now_ns, position=position)]


def facts_of(status: Any, diagnostics: Any, sky: Any) -> DishFacts:
    """Return what a reading tells beyond telemetry."""
    seen = Sky(0, 0) if sky is None else sky_of(sky)
    part = seen.hidden_share
    gps = status.gps_stats if status.HasField("gps_stats") else None
    return DishFacts(
        self_test_failed=None if diagnostics is None else _failed(diagnostics),
        snr_persistently_low=bool(status.is_snr_persistently_low),
        heating=bool(status.alerts.is_heating),
        limited=_limit(status, diagnostics),
        ethernet_link=not status.alerts.no_ethernet_link,
        water=bool(status.alerts.dish_water_detected or status.alerts.router_water_detected),
        gps_inhibited=None if gps is None else bool(gps.inhibit_gps),
        alerts=tuple(alerts_of(status)),
        map_obstructed=part,
        map_towards=seen.towards,
    )


def _failed(diagnostics: Any) -> tuple[str, ...] | None:
    """Return the self tests that failed; None where it has no result."""
    result = int(diagnostics.hardware_self_test)
    if result == 0:
        return None
    if result == 1:
        return ()
    codes = messages().DishGetDiagnosticsResponse.TestResultCode.DESCRIPTOR.values_by_number
    named = [codes[n].name if n in codes else f"CODE_{n}" for n in diagnostics.hardware_self_test_codes]
    return tuple(named) or ("GENERAL",)


def _limit(status: Any, diagnostics: Any) -> str | None:
    if diagnostics is not None and diagnostics.overage_rate_limited:
        return "OVERAGE_LIMIT"
    names = status.DESCRIPTOR.fields_by_name["dl_bandwidth_restricted_reason"].enum_type.values_by_number
    number = int(status.dl_bandwidth_restricted_reason)
    name = names[number].name if number in names else f"REASON_{number}"
    return None if name.startswith(_LIMIT_UNKNOWN) else str(name)
