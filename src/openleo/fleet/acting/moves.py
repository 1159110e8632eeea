"""What a job does next: tell one, look at those that were told, wait, stop.  Pure."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from openleo.fleet.acting.judging import Seen
from openleo.fleet.acting.orders import Order
from openleo.fleet.acting.settings import Settings
from openleo.fleet.why.times import when

SECOND_NS: Final = 10**9
MINUTE_NS: Final = 60 * SECOND_NS
_ENOUGH_BAD: Final = 3  # so many of the last ten that went wrong stop a job
_LAST: Final = 10
_LAG_NS: Final = 2 * MINUTE_NS  # telemetry of a dish that is back may come so much later
OPEN: Final = frozenset({"sending", "acknowledged", "unknown"})
BAD: Final = frozenset({"worse", "refused", "unreachable"})
ENDED: Final = frozenset({"well", "left"}) | BAD


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One terminal of a job, as it stands."""

    terminal: str
    site: str
    canary: bool
    state: str = "waiting"
    told_ns: int | None = None
    settled_ns: int | None = None
    after: Seen | None = None


@dataclass(frozen=True, slots=True)
class Next:
    """What to do now: tell one (or none), look at these, end; ``wait_ns`` until there may be more to do."""

    tell: str | None = None
    look: tuple[str, ...] = ()
    stop: str = ""  # why the job stops
    done: bool = False
    says: str = ""
    wait_ns: int = SECOND_NS


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a job keeps to; ``site_sizes`` are how many terminals each site has, told or not.

    What went wrong before ``forgiven_ns`` stops it no more: a person has let it go on since.  ``dark`` says
    by site which terminals are out of service now by what telemetry says, told by this job or not.
    """

    settings: Settings
    site_sizes: Mapping[str, int] = field(default_factory=dict)
    forgiven_ns: int = 0
    order: Order | None = None
    dark: Callable[[], Mapping[str, Collection[str]]] = dict

    def is_bad(self, step: "Step") -> bool:
        """Tell whether a terminal went wrong, and nobody has let the job go on since."""
        return step.state in BAD and (step.settled_ns or 0) >= self.forgiven_ns

    @property
    def watch_ns(self) -> int:
        """How long one that was told has until it must be well."""
        return max(int(self.settings.watch_minutes * MINUTE_NS), MINUTE_NS)


def next_move(rules: Rules, steps: Sequence[Step], now_ns: int) -> Next:
    """Say what a job does now."""
    look = tuple(s.terminal for s in steps if s.state in OPEN or _is_watched(rules, s, now_ns))
    wrong = _gone_wrong(rules, steps)
    if wrong:
        return Next(look=look, stop=wrong)
    waiting = [s for s in steps if s.state == "waiting"]
    canaries = [s for s in steps if s.canary]
    if not waiting and not look:
        return Next(done=True)
    if canaries and not any(s.state == "waiting" for s in canaries) and waiting:
        held = _held_by_canary(rules, canaries, now_ns)
        if held:
            return Next(look=look, says=held)
    pool = [s for s in waiting if s.canary] or waiting
    told = [s.told_ns for s in steps if s.told_ns is not None]
    gap_ns = int(MINUTE_NS / rules.settings.per_minute)
    due_ns = max(told) + gap_ns if told else now_ns
    if due_ns > now_ns:
        return Next(look=look, says="keeps its pace", wait_ns=min(due_ns - now_ns, SECOND_NS))
    rooms = _Rooms(rules, steps, now_ns)
    free = next((s for s in pool if rooms.has_room(s)), None)
    if free is None and not look:
        last_ns = max((t for s in steps for t in (s.told_ns, s.settled_ns) if t is not None), default=0)
        full = rooms.says(pool[0])
        if now_ns < last_ns + rules.watch_ns and not any(rules.is_bad(s) for s in steps):
            return Next(says=f"waits: {full}")
        return Next(stop=f"{full}: no other of it is told")
    if free is None:
        says = "waits for those that were told to be well" if pool else "looks at those that were told"
        return Next(look=look, says=says)
    return Next(tell=free.terminal, look=look, says=f"tells {free.terminal}")


def _is_watched(rules: Rules, step: Step, now_ns: int) -> bool:
    """Tell whether a canary that is well is still watched."""
    return (
        step.canary
        and step.state == "well"
        and step.told_ns is not None
        and rules.settings.watch_minutes > 0
        and now_ns < step.told_ns + int(rules.settings.watch_minutes * MINUTE_NS)
    )


def _held_by_canary(rules: Rules, canaries: Sequence[Step], now_ns: int) -> str:
    """Say why the others wait for the canary; "" where they need not."""
    if any(s.state in OPEN for s in canaries):
        return "waits for the canary to be well"
    if any(_is_watched(rules, s, now_ns) for s in canaries):
        until = max(s.told_ns or 0 for s in canaries) + int(rules.settings.watch_minutes * MINUTE_NS)
        return f"watches the canary until {when(until)}"
    return ""


def _gone_wrong(rules: Rules, steps: Sequence[Step]) -> str:
    bad = [s for s in steps if s.canary and rules.is_bad(s)]
    if bad:
        return f"the canary {bad[0].terminal} is {bad[0].state}: nobody else is told"
    ended = sorted((s for s in steps if s.state in ENDED - {"left"}), key=lambda s: s.settled_ns or 0)
    wrong = [s for s in ended[-_LAST:] if rules.is_bad(s)]
    if len(wrong) >= _ENOUGH_BAD:
        named = ", ".join(f"{s.terminal} {s.state}" for s in wrong[:_ENOUGH_BAD])
        return f"{len(wrong)} of the last {min(len(ended), _LAST)} went wrong: {named}"
    return ""


class _Rooms:
    """How much of each site is away, and whether one more of it may be."""

    def __init__(self, rules: Rules, steps: Sequence[Step], now_ns: int) -> None:
        self._rules, self._now_ns = rules, now_ns
        self._here: dict[str, list[Step]] = {}
        self._known: dict[str, tuple[set[str], set[str]]] = {}
        for step in steps:
            self._here.setdefault(step.site, []).append(step)

    def has_room(self, step: Step) -> bool:
        """Tell whether one more of a site may be away; a site may always lose one, if no other is away.

        One that is dark already takes nothing away; but no more than the share are told at once.
        """
        if not step.site:
            return True
        most = self._most(step.site)
        by_us, away = self._gone(step.site)
        if len(by_us) + 1 > most:
            return False
        if self._rules.order is None or not self._rules.order.cuts:
            return True
        return step.terminal in away or len(away) + 1 <= most

    def says(self, step: Step) -> str:
        """Say of a site why no more of it may be away."""
        (_, away), most = self._gone(step.site), self._most(step.site)
        named = ", ".join(sorted(away)[:3]) + (", ..." if len(away) > 3 else "")
        at_most = f"at most {most:,} may be at once"
        is_ = "is" if len(away) == 1 else "are"
        return f"{len(away):,} of site {step.site} {is_} away ({named}), and {at_most}"

    def _most(self, site: str) -> int:
        size = max(self._rules.site_sizes.get(site, 0), len(self._here[site]))
        return self._rules.settings.most_away(size)

    def _gone(self, site: str) -> tuple[set[str], set[str]]:
        """Return who of a site is away by us now, and who is away at all."""
        if site not in self._known:
            self._known[site] = self._by_us(site), self._away(site)
        return self._known[site]

    def _by_us(self, site: str) -> set[str]:
        """Return who is being told, or did not come back."""
        return {
            s.terminal for s in self._here[site]
            if s.state in OPEN or (s.state == "worse" and self._rules.is_bad(s))
        }  # fmt: skip

    def _away(self, site: str) -> set[str]:
        """Return who of a site is away: by this job, or by what telemetry says."""
        found = self._by_us(site) | set(self._rules.dark().get(site, ()))
        order = self._rules.order
        for step in self._here[site]:
            if step.state != "well":
                continue
            back = step.after is not None and step.after.online
            if (order is not None and order.stays) or (step.after is not None and not back):
                found.add(step.terminal)
            elif back and self._now_ns < (step.settled_ns or 0) + _LAG_NS:
                found.discard(step.terminal)
        return found
