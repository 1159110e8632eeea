"""What a dish can be told, and how it is told."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from openleo.base.errors import BadInput
from openleo.dish.reading import Dish

ACTIONS: Final = ("reboot", "stow", "unstow", "sleep", "inhibit-gps", "clear-map")
GUARDED: Final = frozenset({"reboot", "stow", "sleep"})  # off until a person allows it
CUTTING: Final = frozenset({"reboot", "stow", "sleep", "inhibit-gps"})  # may take the network away
MEANS: Final[Mapping[str, str]] = {
    "reboot": "start it anew",
    "stow": "fold it away: it has no network until it is unstowed",
    "unstow": "undo stow",
    "sleep": "let it sleep each day between two times",
    "inhibit-gps": "let it do without GPS, or with it again",
    "clear-map": "let it learn anew what hides its sky",
}
_DAY_MIN: Final = 1_440


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What dishes are told.  The minutes are those of a daily sleep, after 00:00 UTC."""

    action: str
    start_min: int = 0
    minutes: int = 0
    enable: bool = True  # of a sleep: false ends it
    inhibit: bool = True  # of inhibit-gps: false lets it use GPS again

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise BadInput(f"a dish cannot be told {self.action!r}", f"it can: {', '.join(ACTIONS)}")
        if self.action == "sleep" and not (0 <= self.start_min < _DAY_MIN and 1 <= self.minutes <= _DAY_MIN):
            raise BadInput(
                f"a daily sleep of {_length(self.minutes)} from {_clock(self.start_min)} UTC cannot be",
                "it begins at 00:00 to 23:59 UTC and lasts 1 minute to 24 h",
            )

    @property
    def cuts(self) -> bool:
        """Tell whether it may take the network away from who is behind the dish."""
        undoes = (self.action == "sleep" and not self.enable) or (
            self.action == "inhibit-gps" and not self.inhibit
        )
        return self.action in CUTTING and not undoes

    @property
    def stays(self) -> str:
        """Why one that was told stays away, or is away again each day, in words; "" where it comes back."""
        if not self.cuts:
            return ""
        stays = {"stow": "; who is stowed stays away", "sleep": "; who was told sleeps each day"}
        return stays.get(self.action, "")

    @property
    def guarded(self) -> bool:
        """Tell whether a person must have allowed it first; what undoes is never kept from anybody."""
        return self.action in GUARDED and self.cuts

    def says(self) -> str:
        """Return it for people."""
        if self.action == "sleep":
            if not self.enable:
                return "end the daily sleep"
            return f"sleep each day from {_clock(self.start_min)} UTC for {self.minutes} min"
        if self.action == "inhibit-gps":
            return "do without GPS" if self.inhibit else "use GPS again"
        return self.action

    def plain(self) -> dict[str, Any]:
        """Return it for keeping."""
        return {
            "action": self.action, "start_min": self.start_min, "minutes": self.minutes,
            "enable": self.enable, "inhibit": self.inhibit,
        }  # fmt: skip


def _clock(minute: int) -> str:
    hours, minutes = divmod(minute, 60)
    return f"{hours:02}:{minutes:02}"


def _length(minutes: int) -> str:
    return f"{minutes / 60:.4g} h" if minutes >= 60 else f"{minutes} min"


async def tell(dish: Dish, order: Order) -> None:
    """Tell a dish; returns when it has said yes.  Raises DishError."""
    if order.action == "reboot":
        await dish.reboot()
    elif order.action == "stow":
        await dish.stow()
    elif order.action == "unstow":
        await dish.unstow()
    elif order.action == "sleep":
        await dish.power_save(order.start_min, order.minutes, order.enable)
    elif order.action == "inhibit-gps":
        await dish.inhibit_gps(order.inhibit)
    else:
        await dish.clear_obstruction_map()
