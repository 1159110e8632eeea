"""What `openleo fleet watch` says of each kit that changes: a line, to standard output."""

import sys
import time
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from openleo.fleet.collect import Collector, Seen
    from openleo.fleet.kits import Kit
    from openleo.fleet.register import Register

_FRESH_S: Final = 15.0  # the register is read again after so long

# A dish's own word -> the cause as `openleo fleet why` names it, where one word tells it.
_CAUSES: Final = {
    "CELL_IS_DISABLED": "switched-off-by-area", "BLOCKED_AREA": "switched-off-by-area",
    "BLOCKED_COUNTRY": "moved", "NO_ACTIVE_ACCOUNT": "account", "ACCOUNT_DISABLED": "account",
    "TOO_FAR_FROM_SERVICE_ADDRESS": "moved", "ROAM_RESTRICTED": "moved", "IN_OCEAN": "moved",
    "MOVING_TOO_FAST_FOR_POLICY": "moved", "DATA_OVERAGE_SANDBOX_POLICY": "data-cap",
    "OBSTRUCTED": "obstructed", "STOWED": "stowed-or-asleep", "SLEEPING": "stowed-or-asleep",
    "BOOTING": "software", "THERMAL_SHUTDOWN": "broken", "ACTUATOR_ACTIVITY": "broken",
}  # fmt: skip


class Changes:
    """Prints the changes of a collector's dishes; the register says which kit each is."""

    def __init__(self, collector: "Collector", register: "Register") -> None:
        self._collector = collector
        self._register = register
        self._kits: dict[str, Kit] = {}
        self._read_s = -_FRESH_S
        collector.on_change = self.told

    def told(self, before: "Seen", now: "Seen") -> None:
        """Print one change; that a dish is online when first asked is none."""
        if before.state == "unknown" and now.state == "online":
            return
        if sys.stderr.isatty():
            click.echo("\r\x1b[K", err=True, nl=False)  # the status line gives way
        click.echo("".join(c if c.isprintable() else "?" for c in self.line(before, now)))

    def line(self, before: "Seen", now: "Seen") -> str:
        """Return ``11:20:05Z  hospital, kit KIT-02: online -> dark, obstructed (OBSTRUCTED)``."""
        from openleo.fleet.site_clock import when

        kit = self._kit(now.terminal, now.entry.kit)
        words = [kit.site, f"kit {kit.kit}" if kit.kit else ""] if kit is not None else []
        who = ", ".join(w for w in words if w) or now.entry.label
        flag = "LIFE-CRITICAL  " if kit is not None and kit.life_critical else ""
        at = when(self._collector.clocks.now_ns())
        return f"{at}  {flag}{who}: {before.state} -> {now.state}{_why(now)}"

    def _kit(self, terminal: str, asked_for: str) -> "Kit | None":
        if time.monotonic() - self._read_s >= _FRESH_S:
            kits = self._register.kits()
            self._kits = {kit.id: kit for kit in kits} | {kit.terminal: kit for kit in kits if kit.terminal}
            self._read_s = time.monotonic()
        return self._kits.get(terminal) or self._kits.get(asked_for)


def _why(now: "Seen") -> str:
    if now.state == "online" or not now.detail:
        return ""
    words = now.detail.split()
    cause = next((_CAUSES[word] for word in reversed(words) if word in _CAUSES), "")
    if now.state == "silent":
        return f", does not answer ({now.detail})"
    return f", {cause} ({now.detail})" if cause else f", {now.detail}"
