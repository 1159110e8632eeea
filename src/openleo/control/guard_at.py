"""Where the guard of a store lies, and of which store a guard is.

A guard that lies outside its store's folder is named there in ``guard.at``, and beside it ``guard.of`` names
the folder.  So whoever is about to give it to another store can see that its own is still there; on another
machine nothing can be seen, and nothing is refused for it.
"""

import os
from pathlib import Path

from openleo.base.errors import BadInput
from openleo.control.log import GuardInUse
from openleo.control.log.files import sync_folders, write_durably

DATABASE, GUARD = "control.db", "guard"
GUARD_AT = "guard.at"  # holds the path of a guard that lies elsewhere
_OF = ".of"


def guard_path(folder: Path) -> Path:
    """Return where the guard of a folder's store lies."""
    at = folder / GUARD_AT
    return Path(at.read_text().strip()) if at.is_file() else folder / GUARD


def of_path(guard: Path) -> Path:
    """Return the file beside a guard that names its store's folder."""
    return guard.with_name(guard.name + _OF)


def need_free(guard: Path, folder: Path) -> None:
    """Raise GuardInUse where a guard is that of a store in another folder which is there, as far as is seen.

    BadInput where there is no folder for it.
    """
    here = folder.resolve()
    if not guard.parent.is_dir() and guard.parent.resolve() != here:
        raise BadInput(f"there is no folder {guard.parent} for the guard", "make it, or mount its disk")
    for other in (*guard.resolve().parents, *_named_by(guard)):
        if other != here and os.path.exists(other / DATABASE):
            raise GuardInUse(
                f"{guard} is the guard of the store in {other}, which is there",
                "for a rehearsal use --rehearse; to take its place, stop it and move its folder away first; "
                "else name another file for the guard",
            )


def _named_by(guard: Path) -> list[Path]:
    try:
        return [Path(of_path(guard).read_text().strip())]
    except (OSError, UnicodeDecodeError):
        return []


def point_to(folder: Path, guard: Path) -> None:
    """Write down in a store's folder where its guard lies, and beside the guard whose it is."""
    guard = guard.resolve()
    if guard == (folder / GUARD).resolve():
        (folder / GUARD_AT).unlink(missing_ok=True)
        return
    for path, said in ((folder / GUARD_AT, guard), (of_path(guard), folder.resolve())):
        write_durably(path, f"{said}\n".encode(), temporary=path.with_name(path.name + ".part"))
        sync_folders([path.parent])
