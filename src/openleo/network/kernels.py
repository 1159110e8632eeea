"""Compiling kernels that count no references.

numba counts a reference up and down, atomically, for every array that a call or an attribute touches.  Where
a kernel gets a dozen arrays in tuples and calls helpers in its loops that is most of its time: further units
took 3.8 ms a slot with counts and 1.0 ms without.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])
_FLAGS: dict[str, Any] = {"cache": True, "error_model": "numpy", "nogil": True, "_nrt": False}


def kernel(function: F) -> F:
    """Compile a kernel that neither makes nor returns arrays; with one made inside it does not compile.

    Everything it calls must be compiled by this module too, as numba hands its options on to what a function
    calls unless that has its own.
    """
    return cast(F, numba.njit(forceinline=False, **_FLAGS)(function))


def kernel_inlined(function: F) -> F:
    """Compile such a helper into its callers."""
    return cast(F, numba.njit(forceinline=True, **_FLAGS)(function))
