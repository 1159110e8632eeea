"""What a dish must not forget when the process that serves it ends: a file, replaced as a whole.

Trusted; may be lost (dishes then begin at their first start again), may not be rolled back unnoticed: readers
key on (id, count of starts, counter), so every taking-up counts as a start, and it must be written
after every start and command (`Dishes.boot_count`, ``on_command``).  Rings and outages are memory, as in a
dish.
"""

import os
import tempfile
import zipfile
from pathlib import Path
from typing import Final

import numpy as np

from openleo.base.errors import BadInput
from openleo.dish.terminal import BootFlags, Dishes

_SCHEMA: Final = 1
_ARRAYS: Final = (
    "boot_count", "stowed", "sleeps", "sleep_start_min", "sleep_duration_min", "location_policy",
)  # fmt: skip


def keep(dishes: Dishes, path: Path) -> None:
    """Write what must last to ``path``; a crash or a full disk leaves the file that was there.

    Raises OSError where it cannot be written.
    """
    arrays = {name: getattr(dishes, name) for name in _ARRAYS}
    ids = np.array([one.id for one in dishes.identities], dtype=np.str_)
    software = np.array([one.version for one in dishes.firmwares], dtype=np.str_)
    handle, name = tempfile.mkstemp(prefix=path.name, suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(
                file,
                allow_pickle=False,
                schema=np.int64(_SCHEMA),
                now_s=np.int64(dishes.now_s),
                id=ids,
                software=software,
                seen=dishes.sky.seen,
                **arrays,
            )
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def take_up(dishes: Dishes, path: Path) -> int:
    """Give dishes what was kept of those with their ids, each as a start; return how many there were.

    To be called before the first second.  Raises BadInput where the file is broken or of another version.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            found = {name: kept[name] for name in (*_ARRAYS, "schema", "id", "software", "seen")}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, FileNotFoundError):
            return 0
        raise BadInput(f"{path} does not hold the state of dishes: {error}", _HINT) from error
    if int(found["schema"]) != _SCHEMA:
        raise BadInput(f"{path} is of version {int(found['schema'])}, not {_SCHEMA}", _HINT)
    count = len(found["id"])
    if any(len(found[name]) != count for name in (*_ARRAYS, "software", "seen")):
        raise BadInput(f"{path} holds arrays of different lengths", _HINT)
    if found["seen"].shape[1:] != dishes.sky.seen.shape[1:]:
        raise BadInput(f"{path} holds maps of another size", _HINT)
    there = {str(name): row for row, name in enumerate(found["id"].tolist())}
    pairs = [(row, there[one.id]) for row, one in enumerate(dishes.identities) if one.id in there]
    if not pairs:
        return 0
    ours, theirs = (np.array(side) for side in zip(*pairs, strict=True))
    for name in _ARRAYS:
        getattr(dishes, name)[ours] = found[name][theirs]
    dishes.sky.seen[ours] = found["seen"][theirs]
    dishes.sky.recount()
    dishes.boot_count[ours] += 1
    for row, at in pairs:
        dishes.boots[row] = BootFlags(boot=1)  # FORGOTTEN: it does not know why it ended
        dishes.set_software(row, str(found["software"][at]))
    dishes.touch()
    return len(pairs)


_HINT: Final = "move the file away: the dishes then begin at their first start"
