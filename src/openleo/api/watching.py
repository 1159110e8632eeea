"""The network that the API shows: which slot is now, what is known up to it, and work that takes long.

One for each app.  In a live network the newest slot is the last one that has begun; the engine has it ready
before, and says so by a notice.  Of a run that is replayed all slots are there from the beginning.
"""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from openleo.base.clock import SLOT_S, format_utc, slot_start
from openleo.base.errors import BadInput, Refused
from openleo.live.clock import Clock
from openleo.live.history import Archive, History
from openleo.live.looking.scene import Scene, scene_of
from openleo.live.looking.towns import town, town_label, towns_near
from openleo.live.notices import listen
from openleo.results.folder import RunFolder

T = TypeVar("T")
EXPLAIN_S = 10.0
_LOOKS_S = 1.0
_BEHIND_SLOTS = 2
_SCENES = 6
_log = logging.getLogger("openleo.api")


class NotReady(Refused):
    """The network has no slot yet, or no telemetry has come."""

    code = "not-ready"


class TooSlow(Refused):
    """An answer took too long."""

    code = "busy"


class NoSuchThing(BadInput):
    """There is none of that name."""

    code = "not-found"


@dataclass(slots=True, kw_only=True)
class Watching:
    """A run folder that is shown; ``clock`` and ``segments`` where it grows.

    ``kind`` is the network's kind; ``login`` whether the control plane is there.  ``hosts`` are the names by
    which it may be called, where anybody may look: a page of another site could have its own name mean us.
    """

    folder: RunFolder
    segments: Path | None = None
    clock: Clock | None = None
    notices: Path | None = None
    kind: str = "simulated"
    login: bool = False
    network: str | None = None
    runs: tuple[Path, ...] = ()
    hosts: frozenset[str] | None = None
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(4, "openleo-network"))
    slow: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "openleo-explain"))
    found: Archive | None = None
    newest: int = -1
    shown: int = -1
    scenes: dict[int, Scene] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    on_slot: list[Callable[[], None]] = field(default_factory=list)
    kept: dict[Any, Any] = field(default_factory=dict)  # what is made once from the tables that stay

    @property
    def archive(self) -> Archive:
        """The run; raises NotReady before it has a slot."""
        if self.found is None or self.shown < 0:
            raise NotReady("the network has no slot yet: its engine is starting", "ask again in some seconds")
        return self.found

    @property
    def live(self) -> bool:
        """Whether time goes on."""
        return self.clock is not None

    @property
    def positions(self) -> bool:
        """Whether exact positions of terminals are told."""
        return self.kind == "simulated"

    def slot(self, asked: int | None) -> int:
        """Return the slot that is asked about; raises BadInput for one that is not there."""
        first = self.archive.first_slot
        if asked is None:
            return self.shown
        if not first <= asked <= self.shown:
            raise BadInput(f"slot {asked} is not there; {first} to {self.shown} are", "ask for one of these")
        return asked

    def scene(self, slot: int) -> Scene:
        """Return a slot laid out; the last few are kept."""
        with self.lock:
            found = self.scenes.get(slot)
        if found is None:
            found = scene_of(self.archive, slot)
            with self.lock:
                self.scenes[slot] = found
                while len(self.scenes) > _SCENES:
                    self.scenes.pop(next(iter(self.scenes)))
        return found

    def places(self) -> list[str]:
        """Return the town near each cell of frames."""
        if "places" not in self.kept:
            self.kept["places"] = [town_label(row) for row in self._near()]
        found: list[str] = self.kept["places"]
        return found

    def towns(self, most: int) -> list[dict[str, Any]]:
        """Return the towns by which cells are called, the most populous first."""
        found = [town(row) for row in set(self._near())]
        return sorted(found, key=lambda one: (-one["population"], one["name"]))[:most]

    def _near(self) -> list[int]:
        if "towns" not in self.kept:
            cells = self.archive.statics["cell_index"][self.archive.tracked]
            self.kept["towns"] = towns_near(
                cells["latitude_deg"].to_numpy(), cells["longitude_deg"].to_numpy()
            )
        found: list[int] = self.kept["towns"]
        return found

    def history(self, first: int | None = None, until: int | None = None) -> History:
        """Return the run over slots [first, until), by default all that have begun."""
        begun = self.shown + 1
        return self.archive.history(first, begun if until is None else until, begun=begun)

    async def aside(self, work: Callable[[], T]) -> T:
        """Run something on a thread."""
        return await asyncio.wrap_future(self.threads.submit(work))

    async def slowly(self, work: Callable[[], T]) -> T:
        """Run an explanation, one after another; raises TooSlow after ten seconds."""
        future = self.slow.submit(work)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), EXPLAIN_S)
        except TimeoutError:
            raise TooSlow(
                f"the explanation takes longer than {EXPLAIN_S:g} s",
                "ask again: the network is being compiled",
            ) from None

    def look(self) -> bool:
        """See which slots there are by now; return whether a new one has begun.  Blocks for a moment."""
        if self.found is None:
            if not self.folder.is_run:
                return False
            self.found = Archive(self.folder, self.segments)
        self.found.refresh()
        self.newest = self.found.newest()
        if self.newest < self.found.first_slot:
            return False
        now = self.newest if self.clock is None else min(self.newest, self.clock.slot())
        if now < self.found.first_slot or now <= self.shown:
            return False
        self.shown = now
        return True

    def wait_s(self) -> float:
        """Return how long to wait until the next slot that is ready begins; at most a second."""
        if self.clock is None or self.newest <= self.shown:
            return _LOOKS_S
        return min(max(0.005, self.clock.wall_s_until(self.shown + 1)), _LOOKS_S)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Keep looking for as long as the context lasts."""
        task = asyncio.create_task(self._keep_looking())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            self.threads.shutdown(wait=False, cancel_futures=True)
            self.slow.shutdown(wait=False, cancel_futures=True)

    async def _keep_looking(self) -> None:
        notice = asyncio.Event()
        heard = None
        loop = asyncio.get_running_loop()
        if self.notices is not None:
            heard = listen(self.notices)
            loop.add_reader(heard, _hear, heard, notice)
        began = False
        try:
            while True:
                notice.clear()
                try:
                    fresh = await self.aside(self.look)
                except Exception as error:  # the engine is about to write what was read
                    _log.warning("the run cannot be read now: %s", error)
                    fresh = False
                if fresh:
                    if not began:
                        self.slow.submit(self._prepare)
                        began = True
                    for tell in self.on_slot:
                        tell()
                with suppress(TimeoutError):
                    await asyncio.wait_for(notice.wait(), self.wait_s())
        finally:
            if heard is not None:
                loop.remove_reader(heard)
                heard.close()

    def _prepare(self) -> None:
        """Compile the network before the first explanation is asked for."""
        with suppress(Exception):
            _ = self.archive.network

    def clock_told(self) -> dict[str, Any]:
        """Return what the network's clock says."""
        archive = self.found
        manifest = {} if archive is None else archive.manifest
        first = int(manifest.get("first_slot", -1))
        last_planned = int(manifest.get("last_slot", -1))
        return {
            "state": self._state(last_planned),
            "now": format_utc(self._now()),
            "speed": 0.0 if self.clock is None else self.clock.speed,
            "slot_s": SLOT_S,
            "slot": self.shown,
            "first_slot": first,
            "last_slot": self.shown,
            "until_slot": last_planned + 1,
            "start": manifest.get("start"),
            "end": manifest.get("end"),
            "cut_off_s": 0.0 if self.clock is None else self.clock.cut_off_s,
        }

    def _state(self, last_planned: int) -> str:
        if self.shown < 0:
            return "starting"
        if self.clock is None:
            return "replay"
        if self.shown >= last_planned and self.clock.slot() > last_planned:
            return "ended"
        return "behind" if self.clock.slots_behind(self.shown) > _BEHIND_SLOTS else "live"

    def _now(self) -> np.datetime64:
        if self.clock is not None:
            now: np.datetime64 = self.clock.now().astype("datetime64[ms]")
            return now
        return slot_start(max(self.shown, 0) + 1)


def _hear(heard: Any, notice: asyncio.Event) -> None:
    with suppress(BlockingIOError):
        while heard.recv(4096):
            notice.set()
