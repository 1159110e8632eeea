"""Typed `njit` with the flags every kernel here uses."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


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
