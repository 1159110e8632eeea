"""Build web/ into src/openleo/api/static where the page is missing or stale and npm is there.

OPENLEO_WEB=skip never builds it; =require fails rather than ship without the page (releases set it).
"""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NOT_SOURCE = {"node_modules", "basemap"}


class WebBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """What hatchling calls before it packs."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page, or say plainly why it was not."""
        root = Path(self.root)
        web, static = root / "web", root / "src/openleo/api/static"
        stamp = static / ".source-hash"
        mode = os.environ.get("OPENLEO_WEB", "auto")
        built = (static / "index.html").is_file()
        wanted = digest_of(web) if web.is_dir() else None
        fresh = built and (wanted is None or (stamp.is_file() and stamp.read_text() == wanted))
        if mode == "skip" or fresh:
            return
        try:
            self._build(web)
            stamp.write_text(wanted or "")
        except (OSError, subprocess.CalledProcessError, RuntimeError) as error:
            if mode == "require":
                raise
            self.app.display_warning(f"the page is not built: {error}; the API works, and / says how to")

    def _build(self, web: Path) -> None:
        npm = shutil.which("npm")
        if npm is None:
            raise RuntimeError("npm is not there (Node 20.19 or newer builds web/)")
        if not web.is_dir():
            raise RuntimeError("web/ is missing")
        lock, installed = web / "package-lock.json", web / "node_modules" / ".package-lock.json"
        if not installed.is_file() or installed.stat().st_mtime < lock.stat().st_mtime:
            subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=web, check=True)
        subprocess.run([npm, "run", "build"], cwd=web, check=True)


def digest_of(web: Path) -> str:
    """Return what the page is made of, as one hash."""
    found = hashlib.sha256()
    for path in sorted(web.rglob("*")):
        if path.is_file() and not NOT_SOURCE & set(path.parts):
            found.update(path.relative_to(web).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()
