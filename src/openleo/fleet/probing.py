"""Asking one dish who it is and how it stands, for a person who adds it."""

from dataclasses import dataclass

from openleo.dish.reading import Dish, DishError, alerts_of, disablement_name, outage_name, unknown_fields_of
from openleo.fleet.dish_samples import Odd, id_of, printable
from openleo.fleet.register import DishEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What a dish answered: ``error`` and ``hint`` say why nothing, else the rest holds."""

    terminal: str = ""
    hardware: str = ""
    software: str = ""
    country: str = ""
    state: str = ""
    up_s: int = 0
    alerts: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    over_web: bool = False
    error: str = ""
    hint: str = ""


async def probe(dish: DishEntry, *, timeout_s: float = 4.0) -> Probe:
    """Ask a dish once; what goes wrong stands in the answer.  Raises BadInput where it is no address."""
    async with Dish(dish.address, source=dish.source or None, timeout_s=timeout_s) as asked:
        try:
            status = await asked.status()
            terminal = id_of(status)
        except DishError as error:
            return Probe(error=printable(error.detail, 300), hint=error.hint)
        except Odd as odd:
            return Probe(
                error=f"{dish.address} answers as no dish does: {odd}", hint="is it a dish's address?"
            )
        outage, refused = outage_name(status), disablement_name(status)
        state = f"dark: {outage}" if outage else "online"
        if refused not in ("OKAY", "UNKNOWN_STATE"):
            state += f", service refused: {refused}"
        info = status.device_info
        return Probe(
            terminal=terminal, hardware=_short(info.hardware_version), software=_short(info.software_version),
            country=_short(info.country_code), state=state, up_s=int(status.device_state.uptime_s),
            alerts=tuple(alerts_of(status)), unknown=unknown_fields_of(status), over_web=asked.over_web,
        )  # fmt: skip


def _short(text: str) -> str:
    return printable(str(text), 64)
