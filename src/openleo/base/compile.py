"""Typed `njit` with the flags every kernel here uses."""

from collections.abc import Callable
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])


def njit(function: F) -> F:
    """Compile ``function`` with numba: cached, without the GIL, numpy's division rules.

    ``error_model="numpy"`` lets loops with divisions vectorise; ``fastmath`` stays off so that a result is
    the same bytes on every run; ``nogil`` lets geometry workers be threads.
    """
    compiled: F = numba.njit(cache=True, error_model="numpy", nogil=True)(function)
    return compiled
