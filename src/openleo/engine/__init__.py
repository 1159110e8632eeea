"""The step from slot to slot, and the one cause of every dark terminal."""

from openleo.engine.inspect import Inspection, Look, Verdict, inspect
from openleo.engine.network import Network, prepare
from openleo.engine.run import first_state, replay, run_slots
from openleo.engine.state import State
from openleo.engine.static import static_tables

__all__ = [
    "Inspection",
    "Look",
    "Network",
    "State",
    "Verdict",
    "first_state",
    "inspect",
    "prepare",
    "replay",
    "run_slots",
    "static_tables",
]
