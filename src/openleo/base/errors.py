"""The kinds of error a user can meet, in one place.

`BadInput` and `Refused` share a parent with a stable ``code``, a ``detail`` that names both values, and a
``hint`` with the next thing to do.  Wrong arguments in Python raise the built-in ValueError and TypeError;
our own bugs fail an assertion.
"""

from collections.abc import Iterable


class OpenleoError(Exception):
    """Something a person can mend: ``code`` is stable API, ``detail`` and ``hint`` are for reading."""

    code: str = "error"

    def __init__(self, detail: str, hint: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint


class BadInput(OpenleoError):
    """What was brought (a file, a name, a number) is wrong."""

    code = "bad-input"


class Refused(OpenleoError):
    """A rule of the domain said no."""

    code = "refused"


class OpenleoWarning(UserWarning):
    """Something the user should know; the work goes on and the manifest records it."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a hint that names the nearest known names, or lists some when none is near."""
    import difflib  # here, for agents of remote sites, which are small, seldom ask

    names = sorted(set(known))
    by_lower = {n.lower(): n for n in names}
    near = difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.6)
    if near:
        return "did you mean " + " or ".join(by_lower[n] for n in near) + "?"
    if not names:
        return "there are none to choose from"
    shown = ", ".join(names[:8])
    return f"known: {shown}" + (f" and {len(names) - 8} more" if len(names) > 8 else "")
