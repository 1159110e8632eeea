"""What a dish that was just read tells in its own words: its alerts, and its self test."""

from collections.abc import Iterator
from typing import Final

from openleo.fleet.dish_alerts import CODE_OF_ALERT
from openleo.fleet.why.inputs import DishFacts

# Field of DishAlerts -> what it means for whoever stands before the dish.
_MEANS: Final = {
    "motors_stuck": "its motors do not move: something blocks them, or they are frozen or worn",
    "low_motor_current": "its motors draw too little: a motor or its cable may have failed",
    "thermal_shutdown": "it has switched itself off because it is too hot",
    "thermal_throttle": "it serves less because it is hot",
    "power_supply_thermal_throttle": "its power supply is hot and gives less",
    "mast_not_near_vertical": "its mast does not stand upright",
    "unexpected_location": "it is not where its service address is",
    "moving_while_not_mobile": "it moves, and its plan does not allow that",
    "moving_too_fast_for_policy": "it moves faster than its plan allows",
    "roaming": "it is away from its service address",
    "slow_ethernet_speeds": "its cable or plug carries 10 Mbit/s only",
    "slow_ethernet_speeds_100": "its cable or plug carries 100 Mbit/s only",
    "no_ethernet_link": "no cable is plugged in, or it is broken",
    "upsu_router_port_slow": "the port towards the router is slow: its cable or plug",
    "install_pending": "an update waits, and will restart it",
    "is_heating": "it heats to melt snow",
    "is_power_save_idle": "it sleeps, as its schedule says",
    "lower_signal_than_predicted": "its signal is weaker than it should be there",
    "obstruction_map_reset": "its obstruction map begins anew",
    "dish_water_detected": "there is water in the dish's plug",
    "router_water_detected": "there is water in the router's plug",
}


def told_lines(facts: DishFacts | None) -> Iterator[str]:
    """Yield the alerts that a dish raises, by their own names, and how its self test went, if it says."""
    if facts is None or facts.alerts is None:
        return
    yield "its alerts, in its own words:" if facts.alerts else "its alerts: none"
    for name in facts.alerts:
        code = f" (alert {CODE_OF_ALERT[name]})" if name in CODE_OF_ALERT else ""
        means = f": {_MEANS[name]}" if name in _MEANS else ""
        yield f"  - {name}{code}{means}"
    if facts.self_test_failed is not None:
        failed = ", ".join(facts.self_test_failed)
        yield f"its self test: {f'fails: {failed}' if failed else 'passes'}"
