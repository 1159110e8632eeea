"""What can go wrong when a dish is asked: one error, told apart by its ``kind``."""

from typing import Final, Literal

from openleo.base.errors import OpenleoError

Kind = Literal["unreachable", "refused", "garbage", "too-big", "slow", "denied", "unsupported"]

HINTS: Final[dict[Kind, str]] = {
    "unreachable": "check its power and cable, the address, and that a route leads to it",
    "refused": "the dish answers but will not do this now; its own words are above",
    "garbage": "check that the address is a dish's: something else answers there, or its firmware is broken",
    "too-big": "check that the address is a dish's: no reply of a dish is so large",
    "slow": "try again, or give it more time with timeout_s",
    "denied": "the owner allows it in the vendor's app, or the plan does not include it",
    "unsupported": "this firmware, or this kind of device, does not have it",
}


class DishError(OpenleoError):
    """A dish did not answer, or not with what was asked.

    ``kind`` is one of
    - ``unreachable``: nobody listens there, or no route leads there;
    - ``slow``: it is connected, or takes connections, but did not answer in time;
    - ``garbage``: what came is not this interface;
    - ``too-big``: the reply exceeds every real one many times over, and was not read to its end;
    - ``denied``: the dish forbids it (location not enabled, or not by its plan);
    - ``unsupported``: this firmware or device does not have it;
    - ``refused``: the dish said no for another reason, told in ``detail``.

    ``delivered`` is False where the dish surely never got the request, so that it may be sent again.
    """

    code = "dish"

    def __init__(self, kind: Kind, detail: str, *, hint: str | None = None, delivered: bool = True) -> None:
        super().__init__(detail, hint or HINTS[kind])
        self.kind: Kind = kind
        self.delivered = delivered


# gRPC's status codes by number; what is not here is "refused".
_KINDS: Final[dict[int, Kind]] = {
    1: "slow",
    2: "garbage",
    4: "slow",
    7: "denied",
    12: "unsupported",
    13: "garbage",
    14: "unreachable",
    16: "denied",
}


def from_status(code: int, message: str, where: str) -> DishError:
    """Return the error that a gRPC status (not OK) stands for."""
    kind = _KINDS.get(code, "refused")
    if code == 8 and "larger than" in message:
        kind = "too-big"
    return DishError(kind, f"{where} answered: {message or 'nothing more'} (gRPC status {code})")
