"""Compiling kernels that count no references.

numba counts a reference up and down, atomically, for every array that a call or an attribute touches.  Where
a kernel gets a dozen arrays in tuples and calls helpers in its loops that is most of its time: further units
took 3.8 ms a slot with counts and 1.0 ms without.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])
_njit = cast(Any, numba.njit)  # its types know none of these options
_FLAGS: dict[str, Any] = {
    "cache": True, "error_model": "numpy", "nogil": True, "no_cfunc_wrapper": True, "_nrt": False,
}  # fmt: skip


def kernel(function: F) -> F:
    """Compile a kernel that neither makes nor returns arrays; with one made inside it does not compile.

    Everything it calls must be compiled by this module too, as numba hands its options on to what a function
    calls unless that has its own.
    """
    return cast(F, _njit(forceinline=False, **_FLAGS)(function))


def helper(function: F) -> F:
    """Compile a kernel that only kernels call, without the wrapper that unpacks arguments from Python.

    For a dozen arrays in tuples that takes half a second to compile.
    """
    return cast(F, _njit(forceinline=False, no_cpython_wrapper=True, **_FLAGS)(function))


def helper_inlined(function: F) -> F:
    """Compile a small helper into its callers."""
    return cast(F, _njit(forceinline=True, no_cpython_wrapper=True, **_FLAGS)(function))
