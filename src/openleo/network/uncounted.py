"""Arrays whose references numba does not count, for kernels that do little work per item.

numba counts a reference up and down for every array that a function takes, helpers compiled into their
callers included, and where a branch or a call that might raise lies between it cannot cancel the two: in a
kernel that takes a microsecond for a cell that was half of the time.  What these functions return must not
outlive the memory's owner: the arguments of the kernel, or its own stack.
"""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar, cast

from numba import types
from numba.core import cgutils as _cgutils
from numba.extending import intrinsic

_T = TypeVar("_T")
cgutils = cast(Any, _cgutils)  # numba's own functions have no types


class _Same(Protocol):
    def __call__(self, value: _T, /) -> _T: ...


def _bare(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    if isinstance(kind, types.BaseTuple):
        parts = zip(cast(Any, kind).types, cgutils.unpack_tuple(builder, value), strict=True)
        return context.make_tuple(builder, kind, [_bare(context, builder, k, part) for k, part in parts])
    if not isinstance(kind, types.Array):
        return value
    array = context.make_array(kind)(context, builder, value)
    array.meminfo = cgutils.get_null_value(array.meminfo.type)
    array.parent = cgutils.get_null_value(array.parent.type)
    return array._getvalue()


def _uncounted(_: Any, value: Any) -> Any:
    """Return an argument of the kernel, an array or a tuple of arrays and numbers, uncounted."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _bare(context, builder, signature.args[0], arguments[0])

    return value(value), generate


def _stack_bytes(_: Any, count: Any) -> Any:
    """Return a pointer to ``count`` bytes, a constant, of the kernel's stack, for `numba.carray`.

    An array there has a shape known to the compiler and shares memory with no other, so that loops over it
    become vector code without checks at run time.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        del context, arguments
        byte = cgutils.int8_t
        memory = cgutils.alloca_once(builder, byte, size=signature.args[0].literal_value)
        memory.align = 64
        return builder.bitcast(memory, cgutils.voidptr_t)

    return (types.voidptr(count), generate) if isinstance(count, types.IntegerLiteral) else None


uncounted = cast(_Same, intrinsic(_uncounted))
stack_bytes = cast(Callable[[int], Any], intrinsic(_stack_bytes))
