"""What a dish raises as an alert, in the codes of the vendor's telemetry where it has one."""

from collections.abc import Iterable
from typing import Final

# Field of DishAlerts -> code.  The names differ a little; moving_* left the dishes' firmware in 2025-06.
CODE_OF_ALERT: Final = {
    "slow_ethernet_speeds": 50,
    "slow_ethernet_speeds_100": 51,
    "power_supply_thermal_throttle": 52,
    "motors_stuck": 53,
    "mast_not_near_vertical": 54,
    "moving_while_not_mobile": 59,
    "moving_too_fast_for_policy": 60,
    "thermal_shutdown": 80,
    "thermal_throttle": 81,
    "install_pending": 82,
}
# Value of UtDisablementCode -> code.  Those that are missing have a name in the vendor's query and no code.
CODE_OF_DISABLEMENT: Final = {
    "NO_ACTIVE_ACCOUNT": 55,
    "TOO_FAR_FROM_SERVICE_ADDRESS": 56,
    "IN_OCEAN": 57,
    "MOVING_TOO_FAST_FOR_POLICY": 60,
    "BLOCKED_COUNTRY": 83,
    "DATA_OVERAGE_SANDBOX_POLICY": 84,
    "CELL_IS_DISABLED": 89,
}
# States rather than troubles: they get no code and no remark.
STATES: Final = frozenset({"is_heating", "is_power_save_idle", "roaming", "obstruction_map_reset"})


def alert_codes(alerts: Iterable[str], disablement: str | None) -> tuple[int, ...]:
    """Return the vendor's codes of what is raised, in order."""
    found = {CODE_OF_ALERT[name] for name in alerts if name in CODE_OF_ALERT}
    if disablement in CODE_OF_DISABLEMENT:
        found.add(CODE_OF_DISABLEMENT[disablement])
    return tuple(sorted(found))


def without_code(alerts: Iterable[str]) -> list[str]:
    """Return the alerts that the vendor's telemetry has no code for, so that they are told by name."""
    return [name for name in alerts if name not in CODE_OF_ALERT and name not in STATES]
