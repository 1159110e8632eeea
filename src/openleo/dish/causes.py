"""How a dish shows why it is dark: our causes in the terms of its interface.

The table is DESIGN's "Causes".  It is kept by name, so that a cause which the model does not yet give has its
row already.  That a terminal refused by policy also shows the outage NO_SCHEDULE is assumed: its interface
has no outage of that kind, and one in service shows none.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openleo.policy.codes import DisablementCode
from openleo.snapshot.causes import DISABLED, Cause

CONNECTED: Final = 255  # in arrays of outage causes: there is none

# DishOutage.Cause by name; the numbers are the interface's.
OUTAGES: Final = {
    "UNKNOWN": 0, "BOOTING": 1, "STOWED": 2, "THERMAL_SHUTDOWN": 3, "NO_SCHEDULE": 4, "NO_SATS": 5,
    "OBSTRUCTED": 6, "NO_DOWNLINK": 7, "NO_PINGS": 8, "ACTUATOR_ACTIVITY": 9, "CABLE_TEST": 10,
    "SLEEPING": 11, "MOVING_WHILE_NOT_ALLOWED": 12, "SKY_SEARCH": 13, "INHIBIT_RF": 14,
}  # fmt: skip

# Our cause -> DishOutage.Cause.
SHOWN: Final = {
    "NO_SATS": "NO_SATS",
    "OBSTRUCTED": "OBSTRUCTED",
    "NO_BEAM": "NO_SCHEDULE",
    "NO_CHANNEL": "NO_SCHEDULE",
    "NO_ANTENNA": "NO_SCHEDULE",
    "RAIN_FADE": "NO_DOWNLINK",
    "INTERFERENCE": "NO_DOWNLINK",
    "NO_GATEWAY": "NO_PINGS",
    "POP_DOWN": "NO_PINGS",
    "CORE_DOWN": "NO_PINGS",
    "BOOTING": "BOOTING",
    "STOWED": "STOWED",
    "SLEEPING": "SLEEPING",
    "SKY_SEARCH": "SKY_SEARCH",
    "THERMAL_SHUTDOWN": "THERMAL_SHUTDOWN",
    "ACTUATOR_ACTIVITY": "ACTUATOR_ACTIVITY",
    "CABLE_TEST": "CABLE_TEST",
    "INHIBIT_RF": "INHIBIT_RF",
    "GNSS_DENIED": "BOOTING",
    "IDLE": "NO_SCHEDULE",  # of a cell that asks for nothing: it is not scheduled
}
DARK: Final = ("POWER_OFF",)  # nobody answers


@dataclass(frozen=True, slots=True)
class Shown:
    """What the interface shows for each of our causes, by its number (256,).

    ``outage`` is a DishOutage.Cause or CONNECTED, ``code`` a UtDisablementCode, ``reachable`` whether the
    dish answers at all.
    """

    outage: NDArray[np.uint8]
    code: NDArray[np.uint8]
    reachable: NDArray[np.bool_]


def shown_causes() -> Shown:
    """Return the table; a cause that has no row in it is a KeyError, here and not in a client."""
    outage = np.full(256, OUTAGES["UNKNOWN"], np.uint8)
    code = np.full(256, DisablementCode.OKAY, np.uint8)
    reachable = np.ones(256, np.bool_)
    outage[Cause.ONLINE] = CONNECTED
    for cause in Cause:
        if cause is Cause.ONLINE:
            continue
        if cause.name in DARK:
            reachable[cause] = False
        elif DISABLED <= cause < Cause.IDLE:
            outage[cause], code[cause] = OUTAGES["NO_SCHEDULE"], DisablementCode[cause.name]
        else:
            outage[cause] = OUTAGES[SHOWN[cause.name]]
        if cause.name == "GNSS_DENIED":
            code[cause] = DisablementCode.UNKNOWN_LOCATION
    return Shown(outage, code, reachable)


# DishOutage.Cause -> EventReason (numbers of the interface); others are EVENT_REASON_OUTAGE_UNKNOWN.
EVENT_REASONS: Final = {
    OUTAGES["BOOTING"]: 2,
    OUTAGES["STOWED"]: 3,
    OUTAGES["THERMAL_SHUTDOWN"]: 4,
    OUTAGES["NO_SCHEDULE"]: 5,
    OUTAGES["NO_SATS"]: 6,
    OUTAGES["OBSTRUCTED"]: 7,
    OUTAGES["NO_DOWNLINK"]: 8,
    OUTAGES["NO_PINGS"]: 9,
    OUTAGES["SLEEPING"]: 10,
    OUTAGES["MOVING_WHILE_NOT_ALLOWED"]: 11,
    OUTAGES["SKY_SEARCH"]: 19,
    OUTAGES["INHIBIT_RF"]: 50,
}
