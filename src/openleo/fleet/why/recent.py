"""Reading of a store just what diagnosing needs: what terminals said when last well, and newest.

For ten thousand terminals all samples of some hours are too many; those around an onset, and the newest, are
few.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from openleo.fleet.sample import Sample
from openleo.fleet.why.inputs import HOUR_NS, MINUTE_NS, SECOND_NS

if TYPE_CHECKING:
    from openleo.fleet.dayfile import DayFile
    from openleo.fleet.store import TelemetryStore

LOOK_BACK_NS: Final = 26 * HOUR_NS  # what has been dark for longer is dark "for over a day"
_BEFORE_NS: Final = 10 * MINUTE_NS
_AFTER_NS: Final = 100 * SECOND_NS
_NEWEST_NS: Final = 100 * SECOND_NS

# A sample of a terminal in service, as `course.is_dark` says it.
WELL: Final = (
    "reachable AND ifnull(outage, '') = '' AND ifnull(stowed, 0) = 0 AND ifnull(ping_drop, 0) < 0.9 "
    "AND ifnull(disablement, '') IN ('', 'OKAY', 'UNKNOWN_STATE', 'DATA_OVERAGE_SANDBOX_POLICY')"
)


class Recent:
    """A store, read for diagnosing; each source's samples by themselves."""

    def __init__(self, store: "TelemetryStore") -> None:
        self._store = store
        self._latest: dict[str, Sample] | None = None

    def latest(self) -> dict[str, Sample]:
        """Return the newest sample of each terminal, as it was when first asked."""
        if self._latest is None:
            self._latest = self._store.latest()
        return self._latest

    def samples(self, terminal: str, since_ns: int, until_ns: int) -> Sequence[Sample]:
        """Return a terminal's samples, oldest first, those of several sources side by side."""
        return self._store.samples(terminal, since_ns, until_ns, merged=False)

    def around_onsets(self, newest: Mapping[str, int]) -> dict[str, list[Sample]]:
        """Return of each terminal, whose newest sample was at ``newest``, the samples that tell how it went.

        These are its newest, and those around the last moment at which it was well.
        """
        if not newest:
            return {}
        until = max(newest.values())
        found: dict[str, list[Sample]] = {}
        with ExitStack() as stack:
            days = self._store.days(min(newest.values()) - LOOK_BACK_NS, until + 1)
            files = [stack.enter_context(self._store.day(day)) for day in reversed(days)]
            held = self._store.quarantined()
            for terminal, at in newest.items():
                rows = _rows(files, terminal, at)
                found[terminal] = _samples(rows, held)
        return found


def _rows(files: Iterable["DayFile"], terminal: str, at: int) -> list[tuple[object, ...]]:
    """Return the rows of a terminal near its newest sample and near the last at which it was well."""
    well: int | None = None
    where = f"WHERE terminal = ? AND time_ns BETWEEN ? AND ? AND {WELL} ORDER BY time_ns DESC"
    first = "WHERE terminal = ? AND time_ns BETWEEN ? AND ? ORDER BY time_ns"
    spans = [(at - _NEWEST_NS, at + _NEWEST_NS)]
    rows: dict[int, tuple[object, ...]] = {}
    spoke = "WHERE terminal = ? AND time_ns BETWEEN ? AND ? AND reachable ORDER BY time_ns DESC"
    heard = False
    for number, file in enumerate(files):
        if well is None:
            last = file.rows(where, (terminal, at - LOOK_BACK_NS, at), most=1)
            if last:
                well = int(last[0][3])  # n, device, terminal, time_ns
                spans = _joined([*spans, (well - _BEFORE_NS, well + _AFTER_NS)])
            elif begins := file.rows(first, (terminal, at - LOOK_BACK_NS, at), most=1):
                begun = int(begins[0][3])  # it was never seen well: how it was when it was first seen
                spans = _joined([(at - _NEWEST_NS, at + _NEWEST_NS), (begun, begun + _AFTER_NS)])
        if not heard and (last := file.rows(spoke, (terminal, at - LOOK_BACK_NS, at), most=1)):
            heard = True  # when it itself last spoke, which may be long after it was last well
            rows[number << 48 | int(last[0][0])] = last[0]
        for since, until in spans:
            near = "WHERE terminal = ? AND time_ns BETWEEN ? AND ? ORDER BY time_ns"
            for row in file.rows(near, (terminal, since, until)):
                rows[number << 48 | int(row[0])] = row
        if well is not None and number:
            break
    return list(rows.values())


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    (a, b), (c, d) = sorted(spans)
    return [(a, max(b, d))] if c <= b else [(a, b), (c, d)]


def _samples(rows: Iterable[tuple[object, ...]], held: set[tuple[str, int, int]]) -> list[Sample]:
    from openleo.fleet.dayfile import sample_of

    kept = []
    for _, device, *values in rows:
        sample = sample_of(values)
        if not held or not any(d == device and s <= sample.time_ns < u for d, s, u in held):
            kept.append(sample)
    return sorted(kept, key=lambda s: s.time_ns)


class Past:
    """A store as it was at an instant, and the hour after, which tells how things ended."""

    def __init__(self, store: "TelemetryStore", now_ns: int) -> None:
        self._store, self._now_ns = store, now_ns

    def latest(self) -> dict[str, Sample]:
        """Return the newest sample of each terminal up to the instant, of at most a day before."""
        found: dict[str, Sample] = {}
        held = self._store.quarantined()
        for day in reversed(self._store.days(self._now_ns - LOOK_BACK_NS, self._now_ns + 1)):
            with self._store.day(day) as file:
                for terminal in self._store.terminals():
                    if terminal in found:
                        continue
                    where = "WHERE terminal = ? AND time_ns <= ? ORDER BY time_ns DESC"
                    told = _samples(file.rows(where, (terminal, self._now_ns), most=4), held)
                    if told:
                        found[terminal] = told[-1]
        return found

    def samples(self, terminal: str, since_ns: int, until_ns: int) -> Sequence[Sample]:
        """Return a terminal's samples, oldest first."""
        return Recent(self._store).samples(terminal, since_ns, until_ns)

    def around_onsets(self, newest: Mapping[str, int]) -> dict[str, list[Sample]]:
        """Return what tells how terminals went until then."""
        found = Recent(self._store).around_onsets(newest)
        return {t: [s for s in told if s.time_ns <= self._now_ns] for t, told in found.items()}
