"""Other runs beside the one that is shown: each under /runs/ID/ with its page and API, opened when asked for.

Only where there is no control plane, as everybody who reaches the server may read its runs there.
"""

import asyncio
import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from openleo.api.watching import Watching
from openleo.results.folder import MANIFEST, RunFolder

BESIDE = "/runs/"
MOST_RUNS = 200
MOST_OPEN = 3  # a run that explanations were asked of takes some 150 MB


def folders(at: Watching) -> dict[str, Path]:
    """Return the run folders that are near by id, the one that is shown and the newest first."""
    here = at.folder.path.resolve()
    paths = {
        path.resolve()
        for root in at.runs
        for glob in ("*", "*/run")
        for path in root.glob(f"{glob}/{MANIFEST}")
    }
    paths.discard(here / MANIFEST)
    newest = sorted((p for p in paths if p.is_file()), key=lambda p: -p.stat().st_mtime)
    found: dict[str, Path] = {}
    for path in [here / MANIFEST, *newest[: MOST_RUNS - 1]]:
        if path.is_file():
            found.setdefault(_id(path.parent), path.parent)
    return found


def _id(folder: Path) -> str:
    return folder.parent.name if folder.name == "run" else folder.name


def listed(at: Watching) -> list[dict[str, Any]]:
    """Return the runs that are near as they are listed; ``address`` is where this server shows one."""
    found = []
    for name, folder in folders(at).items():
        is_open = folder == at.folder.path.resolve()
        try:
            manifest = json.loads((folder / MANIFEST).read_bytes())
            keys = ("name", "title", "start", "end", "complete", "terminals")
            told = {key: manifest[key] for key in keys}
        except (OSError, ValueError, KeyError):
            continue
        beside = None if at.login or is_open or manifest.get("detail") == "cells" else f"runs/{name}/"
        found.append({"id": name, **told, "open": is_open, "address": beside})
    return found


def _beside(at: Watching, name: str) -> Path | None:
    """Return the folder of a run that is shown beside it, None where there is none."""
    there = any(one["id"] == name and one["address"] for one in listed(at))
    return folders(at).get(name) if there else None


class OtherRuns:
    """What stands before the app: it answers what begins with /runs/ID/ by the app of that run."""

    def __init__(self, app: ASGIApp, *, watching: Watching, make: Callable[[Watching], FastAPI]) -> None:
        self._app, self._watching, self._make = app, watching, make
        self._open: OrderedDict[Path, tuple[FastAPI, AsyncExitStack]] = OrderedDict()
        self._opening = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            async with self._closing():
                await self._app(scope, receive, send)
            return
        path = scope.get("path", "")
        name, slash, rest = path.removeprefix(BESIDE).partition("/")
        folder = None
        if path.startswith(BESIDE) and name:
            folder = await self._watching.aside(lambda: _beside(self._watching, name))
        if folder is None:
            await self._app(scope, receive, send)
        elif not slash:
            await RedirectResponse(f"{name}/")(scope, receive, send)
        else:
            inner = await self._app_of(folder)
            there = {key: value for key, value in scope.items() if key not in {"raw_path", "state"}}
            await inner({**there, "path": f"/{rest}", "app": inner}, receive, send)

    async def _app_of(self, folder: Path) -> FastAPI:
        """Return the app of a run; of those that are open the one not asked for the longest is closed."""
        async with self._opening:
            if folder not in self._open:
                at = self._watching
                shown = Watching(folder=RunFolder(folder), hosts=at.hosts, runs=at.runs)
                stack = AsyncExitStack()
                app = self._make(shown)
                await stack.enter_async_context(app.router.lifespan_context(app))
                self._open[folder] = (app, stack)
                while len(self._open) > MOST_OPEN:
                    _, (_, old) = self._open.popitem(last=False)
                    await old.aclose()
            self._open.move_to_end(folder)
            return self._open[folder][0]

    @asynccontextmanager
    async def _closing(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            while self._open:
                _, (_, stack) = self._open.popitem()
                await stack.aclose()
