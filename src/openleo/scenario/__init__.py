"""Scenarios: what a run starts from, read from TOML, checked, and compiled into arrays.

`compile_world` is in `openleo.scenario.world`: it needs numba, which reading a scenario does not.
"""

from openleo.scenario.blocks import FAULT_KINDS, PREFERENCES, NetworkBlock
from openleo.scenario.load import builtin_names, load_scenario
from openleo.scenario.model import Scenario, scenario_from

__all__ = [
    "FAULT_KINDS",
    "PREFERENCES",
    "NetworkBlock",
    "Scenario",
    "builtin_names",
    "load_scenario",
    "scenario_from",
]
