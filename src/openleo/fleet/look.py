"""Looking at one dish, time and again: what is new of it, what is wrong with it, when to look again.

A `DishWatch` keeps how far the dish was read (`Progress`), so that nothing is told twice, also after a
restart.  Whatever the dish does, a look ends in bounded time and memory, and raises nothing.
"""

import random
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final

from openleo.dish.reading import Dish, DishError, alerts_of, unknown_fields_of, unknown_values_of
from openleo.fleet.dish_alerts import without_code
from openleo.fleet.dish_samples import (
    SOURCE,
    Odd,
    Position,
    Stretch,
    boot_of,
    dish_time_ns,
    id_of,
    position_of,
    printable,
    ring_length,
    ring_samples,
    status_sample,
)
from openleo.fleet.pace import Pace
from openleo.fleet.register import DishEntry
from openleo.fleet.sample import Sample
from openleo.fleet.site_clock import NS, when
from openleo.fleet.twins import Claim, Identities

# What a good answer puts an end to.
TROUBLES: Final = ("unreachable", "slow", "garbage", "too-big", "refused", "denied", "unsupported", "bug")
_SLACK_S: Final = 20.0  # a dish's count may be off from our elapsed time by this and a twentieth
_MOST_NAMED: Final = 12
_MOST_SAID: Final = 300  # letters of a remark
_MOST_KNOWN: Final = 1_000
_MOST_IDS: Final = 2  # times that an id may change within an hour
_HOUR_S: Final = 3_600.0


@dataclass(slots=True)
class Progress:
    """How far a dish was read: the last second of its history that is kept, and what it was then."""

    terminal: str = ""
    boot: int | None = None
    counter: int = 0
    uptime_s: int = 0
    at_ns: int = 0  # when that was, Unix
    rekeyed: bool = False  # its count went back without a new start: only time tells its Samples apart

    @classmethod
    def read(cls, found: dict[str, Any]) -> "Progress":
        """Return what was saved; anew where that is of another version."""
        known = {f.name for f in fields(cls)}
        try:
            return cls(**{name: value for name, value in found.items() if name in known})
        except TypeError:
            return cls()

    def plain(self) -> dict[str, Any]:
        """Return it for saving."""
        return asdict(self)


@dataclass(slots=True)
class Look:
    """What one look gave: Samples, remarks by kind, the kinds that hold no longer, the pause to the next."""

    samples: list[Sample] = field(default_factory=list)
    remarks: dict[str, str] = field(default_factory=dict)
    cleared: set[str] = field(default_factory=set)
    state: str = "unknown"  # online, dark, silent, wrong
    detail: str = ""
    delay_s: float = 15.0
    clock_ahead_ns: int | None = None  # of the dish's GPS before our clock, where it tells
    example: tuple[str, bytes] | None = None  # software, and a status of it that has what is new here

    def remark(self, kind: str, detail: str) -> None:
        """Say that something is so."""
        self.remarks[kind] = printable(detail, _MOST_SAID)

    def clear(self, *kinds: str) -> None:
        """Say that something is so no longer."""
        self.cleared.update(kinds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """Where time and chance come from.  ``wall_ns`` is our clock; ``ahead_ns`` how far GPS is ahead of it."""

    wall_ns: Callable[[], int] = time.time_ns
    steady_s: Callable[[], float] = time.monotonic
    roll: Callable[[], float] = random.random
    ahead_ns: Callable[[], int] = lambda: 0

    def now_ns(self) -> int:
        """Return the time that Samples get."""
        return self.wall_ns() + self.ahead_ns()


class DishWatch:
    """One dish that is watched."""

    def __init__(
        self, entry: DishEntry, progress: Progress, *, pace: Pace, clocks: Clocks, ids: Identities
    ) -> None:
        self.entry = entry
        self.progress = progress
        self.pace = pace
        self.clocks = clocks
        self.ids = ids
        self.failures = 0
        self.state = "unknown"
        self.dish = Dish(entry.address, source=entry.source or None, timeout_s=pace.timeout_s)
        self._changed_s = clocks.steady_s()
        self._history_s: float | None = None  # when it was last read
        self._counted: tuple[int | None, int, float] | None = None  # boot, counter, when: the last history
        self._location_s = -float("inf")
        self._position: Position | None = None
        self._unknown: set[str] = set()
        self._ids_changed_s: list[float] = []

    @property
    def terminal(self) -> str:
        """Whom it said it is, or whom the register says; "" where nobody knows."""
        return self.progress.terminal or self.entry.terminal

    async def close(self) -> None:
        """Close its connection."""
        await self.dish.close()

    async def look(self) -> Look:
        """Ask it once."""
        look = Look()
        try:
            history = await self._history(look) if self._history_due() else None
            status = await self.dish.status()
            await self._locate(look)
            self._answered(look, status, history)
        except DishError as error:
            self._failed(look, error.kind, error.detail, silent=error.kind in ("unreachable", "slow"))
        except Odd as odd:
            self._failed(look, "garbage", str(odd), silent=False)
        except Exception as error:  # a bug of ours with one dish must not end the others' watch
            self._failed(look, "bug", f"openleo failed on what it told: {error!r}", silent=False)
        if look.state != self.state:
            self._changed_s = self.clocks.steady_s()
            self.state = look.state
        look.delay_s = self.pace.delay_s(
            failures=self.failures, dark=look.state == "dark", roll=self.clocks.roll(),
            since_change_s=self.clocks.steady_s() - self._changed_s,
        )  # fmt: skip
        return look

    # Its history.

    def _history_due(self) -> bool:
        """Tell whether its history is to be read: in time, and after it was dark or silent."""
        if self.failures:
            return False  # first it must answer at all
        return self._history_s is None or self.clocks.steady_s() - self._history_s >= self.pace.history_s

    async def _history(self, look: Look) -> tuple[Any, int, float] | None:
        """Return a history, when it came (ns by our corrected clock) and by the steady clock.

        None where the dish would not tell it; that it cannot be reached is raised.
        """
        before = self.clocks.now_ns()
        try:
            history = await self.dish.history()
            ring_length(history)
        except DishError as error:
            if error.kind == "unreachable":
                raise
            look.remark("history", f"its history: {error.detail}")
            self._history_s = self.clocks.steady_s()
            return None
        except Odd as odd:
            look.remark("history", str(odd))
            self._history_s = self.clocks.steady_s()
            return None
        after = self.clocks.now_ns()
        look.clear("history")
        return history, (before + after) // 2, self.clocks.steady_s()

    # What it answers.

    def _answered(self, look: Look, status: Any, history: tuple[Any, int, float] | None) -> None:
        terminal, boot = id_of(status), boot_of(status)
        uptime_s = min(int(status.device_state.uptime_s), 2**53)
        now_s = self.clocks.steady_s()
        came_back = self.failures > 0
        self.failures = 0
        look.clear(*TROUBLES)
        if not self._is_its_own(look, terminal, boot, uptime_s) or not self._known_as(look, terminal):
            return
        self._started_anew(look, boot, uptime_s)
        if history is not None:
            self._read_history(look, history, boot)
        elif came_back and self._history_s is not None:
            self._history_s = now_s - self.pace.history_s  # after a gap: at the next look
        sample = status_sample(
            status, terminal=terminal, time_ns=self.clocks.now_ns(), position=self._position
        )
        look.samples.append(sample)
        look.state, look.detail = ("dark", sample.outage or "") if sample.outage else ("online", "")
        if self.state == "dark" and look.state == "online":
            self._history_s = None  # what happened meanwhile stands in its history
        if sample.disablement not in (None, "OKAY"):
            look.detail = f"{look.detail} {sample.disablement}".strip()
        self._name_the_new(look, status, history)
        self.progress.uptime_s, self.progress.at_ns = uptime_s, sample.time_ns

    def _is_its_own(self, look: Look, terminal: str, boot: int | None, uptime_s: int) -> bool:
        """Tell whether the id is this address's; if another has it, say so and keep nothing."""
        claim = Claim(
            key=self.entry.key, boot=boot, uptime_s=uptime_s, at_s=self.clocks.steady_s(),
            expected=self.entry.terminal == terminal,
        )  # fmt: skip
        verdict, other = self.ids.claim(terminal, claim)
        if verdict == "own":
            look.clear("same")
            if other:
                look.remark("clone", f"{other} says too that it is {terminal}, and is another dish")
            return True
        look.state = "wrong"
        if verdict == "same":
            look.detail = f"it is {terminal}, which {other} is too: one dish by two ways"
            look.remark("same", f"{look.detail}; its samples are kept once")
        else:
            look.detail = f"it says that it is {terminal}, and so does {other}, which is another dish"
            look.remark("clone", f"{look.detail}; this one's samples are not kept")
        return False

    def _known_as(self, look: Look, terminal: str) -> bool:
        """Tell whether to believe its id; a dish is replaced now and then, and not twice an hour."""
        if self.terminal and terminal != self.terminal:
            now_s = self.clocks.steady_s()
            self._ids_changed_s = [s for s in self._ids_changed_s if now_s - s < _HOUR_S] + [now_s]
            if len(self._ids_changed_s) > _MOST_IDS:
                look.state, look.detail = "wrong", f"it changes its id: {self.terminal}, now {terminal}"
                look.remark("garbage", f"{look.detail}; its samples are not kept")
                return False
            look.remark("changed-id", f"it was {self.terminal} and now is {terminal}: was the dish replaced?")
            self.progress = Progress()
            self._position, self._location_s, self._counted = None, -float("inf"), None
        self.progress.terminal = terminal
        return True

    def _started_anew(self, look: Look, boot: int | None, uptime_s: int) -> None:
        """Notice a new start: its count begins again at 0."""
        was = self.progress
        if was.at_ns == 0:
            was.boot = boot
            return
        fresh = boot != was.boot if boot is not None and was.boot is not None else False
        back = uptime_s + _SLACK_S < was.uptime_s
        began_ns = self.clocks.now_ns() - uptime_s * NS
        at = f" at {when(began_ns)}" if began_ns > 0 else ""  # a dish may tell any number
        if fresh:
            look.remark("restarted", f"it started anew{at} (start {boot})")
            was.counter, was.rekeyed = 0, False
        elif back and boot is not None:
            look.remark("time-jump", "its time up went back without a new start being counted")
            was.counter, was.rekeyed = 0, True
        elif back:
            look.remark("restarted", f"it started anew{at}")
            was.counter = 0
        was.boot = boot

    def _read_history(self, look: Look, got: tuple[Any, int, float], boot: int | None) -> None:
        history, at_ns, at_s = got
        current, was = int(history.current), self.progress
        self._judge_count(look, boot, current, at_s)
        if current + _SLACK_S < was.counter:
            # Counted back although the start is the same: the old counts would name new seconds.
            look.remark("time-jump", f"its count of seconds went back from {was.counter:,} to {current:,}")
            was.counter, was.rekeyed = 0, True
        told_ns = dish_time_ns(history)
        ahead_ns = 0 if told_ns is None else told_ns - at_ns
        if told_ns is not None:
            look.clock_ahead_ns = told_ns - (at_ns - self.clocks.ahead_ns())
        lost_s = current - ring_length(history) - was.counter
        if was.counter and lost_s > 0:
            look.remark("gap", f"{lost_s:,} s before {ring_length(history)} s ago are lost: it was not asked")
        # Without a count of starts its own count names nothing for others.
        keyed = boot is not None and not was.rekeyed
        wanted = Stretch(
            terminal=was.terminal, boot=boot, after=was.counter, newest_ns=at_ns,
            dish_ahead_ns=ahead_ns, keyed=keyed,
        )  # fmt: skip
        samples = ring_samples(history, wanted)
        look.samples += samples
        if samples:
            was.counter = current - current % 15
        self._history_s = at_s
        self._counted = (boot, current, at_s)

    def _judge_count(self, look: Look, boot: int | None, current: int, at_s: float) -> None:
        """Say where its count of seconds did not move as time did."""
        if self._counted is None or self._counted[0] != boot:
            return
        _, before, before_s = self._counted
        moved, elapsed = current - before, at_s - before_s
        if abs(moved - elapsed) > _SLACK_S + 0.05 * elapsed:
            look.remarks.setdefault("time-jump", f"it counted {moved:,} s in {elapsed:,.0f} s")
        elif not self.progress.rekeyed:
            look.clear("time-jump")

    def _name_the_new(self, look: Look, status: Any, history: tuple[Any, int, float] | None) -> None:
        """Say which fields, values and alerts of its reply nobody here knows by name or code."""
        parts = [status] if history is None else [status, history[0]]
        new = {name for part in parts for name in (*unknown_fields_of(part), *unknown_values_of(part))}
        if not new <= self._unknown:
            self._unknown = (self._unknown | new) if len(self._unknown) < _MOST_KNOWN else new
            software = str(status.device_info.software_version)[:64]
            named = ", ".join(sorted(new)[:_MOST_NAMED]) + (", ..." if len(new) > _MOST_NAMED else "")
            look.remark("unknown", f"its firmware {software} tells what is new here: {named}")
            look.example = (printable(software, 64), status.SerializeToString())
        named_only = without_code(alerts_of(status))
        if named_only:
            look.remark("alerts", f"it raises {', '.join(named_only)}")
        else:
            look.clear("alerts")

    async def _locate(self, look: Look) -> None:
        """Ask where it is, now and then; that it may not tell is no trouble."""
        if self.clocks.steady_s() - self._location_s < self.pace.location_s:
            return
        self._location_s = self.clocks.steady_s()
        try:
            self._position = position_of(await self.dish.location())
            look.clear("position")
        except DishError as error:
            if error.kind in ("denied", "unsupported", "refused"):
                self._position = None
                self._location_s += self.pace.denied_s - self.pace.location_s
                look.remark("position", f"its position is not available: {error.detail}")

    def _failed(self, look: Look, kind: str, detail: str, *, silent: bool) -> None:
        """Take note that it did not answer, or not properly."""
        self.failures += 1
        self.ids.release(self.entry.key)
        look.remarks.pop("history", None)  # that it failed was the beginning of this
        look.remark(kind, detail)
        look.clear(*(other for other in TROUBLES if other != kind))
        look.state, look.detail = ("silent" if silent else "wrong"), printable(detail, _MOST_SAID)
        if silent and self.terminal:
            look.samples.append(
                Sample(
                    terminal=self.terminal, time_ns=self.clocks.now_ns(), source=SOURCE, reachable=False,
                    boot=self.progress.boot,
                )
            )  # fmt: skip
