"""Typed `njit` with the flags every kernel here uses, and where compiled kernels are kept."""

import hashlib
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])
_PACKAGE = Path(__file__).resolve().parents[1]
_KEPT_S = 14 * 86_400.0
_MARKS = (b"njit", b"openleo.network.kernels import")  # of a source file that holds kernels


def _kernels_digest() -> str:
    """Return a hash that changes with any source file that holds kernels."""
    whole = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        content = path.read_bytes()
        if any(mark in content for mark in _MARKS):
            whole.update(path.relative_to(_PACKAGE).as_posix().encode() + b"\0" + content)
    return whole.hexdigest()[:16]


def _keep_kernels() -> None:
    """Point numba's cache at a folder of these very sources.

    numba looks only at the file of the function it compiles: it would go on using a kernel whose helper in
    another file has changed.  Folders of former sources go after two weeks.  Where the package's folder
    cannot be written, or NUMBA_CACHE_DIR is set, numba's own rules hold.
    """
    if os.environ.get("NUMBA_CACHE_DIR"):
        return
    folder = _PACKAGE / "__pycache__" / f"kernels-{_kernels_digest()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder)
        for other in folder.parent.glob("kernels-*"):
            if other.stat().st_mtime < time.time() - _KEPT_S:
                shutil.rmtree(other, ignore_errors=True)
    except OSError:
        return
    numba.config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]


_keep_kernels()


def kernels_are_compiled() -> bool:
    """Tell whether kernels of these sources are in the cache; if not, the first slots wait for them."""
    folder = numba.config.CACHE_DIR  # type: ignore[attr-defined]
    return not folder or any(Path(folder).rglob("*.nbi"))


def njit(function: F) -> F:
    """Compile ``function`` with numba: cached, without the GIL, numpy's division rules.

    ``error_model="numpy"`` lets loops with divisions vectorise; ``fastmath`` stays off so that a result is
    the same bytes on every run; ``nogil`` lets geometry workers be threads.
    """
    return cast(F, numba.njit(cache=True, error_model="numpy", nogil=True)(function))


def njit_inlined(function: F) -> F:
    """Compile a small helper into its callers.

    A call costs a count up and down for every array passed; in a helper called for each pair that is more
    than its work, and it keeps loops from being vectorised.
    """
    return cast(F, numba.njit(cache=True, error_model="numpy", nogil=True, forceinline=True)(function))
