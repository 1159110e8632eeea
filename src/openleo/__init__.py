"""openleo: an open low-Earth-orbit satellite-internet system.

``openleo.run("ukraine-2022")`` runs a scenario and returns a `Run`; ``openleo.open_run(path)`` opens one that
is there.  Neither numba nor polars is loaded before one of them is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openleo.results.execute import run as run
    from openleo.results.run import Run as Run
    from openleo.results.run import open_run as open_run

__version__ = "0.1.0"
__all__ = ["Run", "__version__", "open_run", "run"]

_HOMES = {
    "run": "openleo.results.execute",
    "open_run": "openleo.results.run",
    "Run": "openleo.results.run",
}


def __getattr__(name: str) -> Any:
    """Load what is asked for from the room that holds it."""
    if name not in _HOMES:
        raise AttributeError(f"module 'openleo' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
