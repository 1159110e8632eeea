"""Why a terminal is dark: exactly one cause for each second that is not online."""

from enum import IntEnum

DISABLED = 100  # a disablement code c of the terminal's API is stored as 100 + c


class Cause(IntEnum):
    """Cause of a terminal or cell being dark; 0 is online.  Values are stable: run folders hold them.

    From 100 on stand the disablement codes of policy: 100 + code.
    """

    ONLINE = 0
    # The sky and the network, in the order in which constraints are tested.
    NO_SATS = 1
    OBSTRUCTED = 2
    POP_DOWN = 3
    NO_GATEWAY = 4
    CORE_DOWN = 5
    NO_ANTENNA = 6
    NO_BEAM = 7
    NO_CHANNEL = 8
    # The terminal itself.
    POWER_OFF = 20
    BOOTING = 21
    STOWED = 22
    SLEEPING = 23
    # Policy.
    NO_ACTIVE_ACCOUNT = DISABLED + 2
    TOO_FAR_FROM_SERVICE_ADDRESS = DISABLED + 3
    IN_OCEAN = DISABLED + 4
    BLOCKED_COUNTRY = DISABLED + 6
    DATA_OVERAGE_SANDBOX_POLICY = DISABLED + 7
    CELL_IS_DISABLED = DISABLED + 8
    ROAM_RESTRICTED = DISABLED + 10
    UNKNOWN_LOCATION = DISABLED + 11
    ACCOUNT_DISABLED = DISABLED + 12
    UNSUPPORTED_VERSION = DISABLED + 13
    MOVING_TOO_FAST_FOR_POLICY = DISABLED + 14
    UNDER_AVIATION_FLYOVER_LIMITS = DISABLED + 15
    BLOCKED_AREA = DISABLED + 16
    # Of a cell only: nobody there may be served or asks, so it is not scheduled.
    IDLE = 255


class Reason(IntEnum):
    """Which of the things that NO_SATS, or OBSTRUCTED for a whole cell, stands for."""

    NONE = 0
    HORIZON = 1  # none above the horizon
    ELEVATION = 2  # none in service above the minimum elevation for the whole slot
    OUT_OF_SERVICE = 3  # those above it are raising, lowering, lost, or carry no such payload
    GSO = 4  # all are too near the geostationary arc
    FIELD_OF_VIEW = 5  # of OBSTRUCTED: all are outside the view of the terminals there


MEANING: dict[Cause, str] = {
    Cause.ONLINE: "online",
    Cause.NO_SATS: "no satellite in its sky can serve it",
    Cause.OBSTRUCTED: "obstacles hide its satellite, or every usable one is outside its field of view",
    Cause.POP_DOWN: "a point of presence that it needs is down",
    Cause.NO_GATEWAY: "no satellite has a way to a gateway for it",
    Cause.CORE_DOWN: "the provider's core network is down",
    Cause.NO_ANTENNA: "the gateways in reach have no antenna free",
    Cause.NO_BEAM: "the satellites in view have no beam time left",
    Cause.NO_CHANNEL: "every channel is in use too near by",
    Cause.POWER_OFF: "it has no power",
    Cause.BOOTING: "it is starting up",
    Cause.STOWED: "its holder has stowed it",
    Cause.SLEEPING: "it sleeps by its holder's schedule",
    Cause.NO_ACTIVE_ACCOUNT: "it has no active account",
    Cause.TOO_FAR_FROM_SERVICE_ADDRESS: "it is too far from its service address",
    Cause.IN_OCEAN: "it is at sea, where its plan does not serve",
    Cause.BLOCKED_COUNTRY: "it is in a country that is not served",
    Cause.DATA_OVERAGE_SANDBOX_POLICY: "it has used up its data",
    Cause.CELL_IS_DISABLED: "its cell is switched off",
    Cause.ROAM_RESTRICTED: "it may not roam here",
    Cause.UNKNOWN_LOCATION: "its position is not known",
    Cause.ACCOUNT_DISABLED: "its account is disabled",
    Cause.UNSUPPORTED_VERSION: "its software is no longer supported",
    Cause.MOVING_TOO_FAST_FOR_POLICY: "it moves faster than policy allows",
    Cause.UNDER_AVIATION_FLYOVER_LIMITS: "it flies under the limits for aviation",
    Cause.BLOCKED_AREA: "it is in an area that is not served",
    Cause.IDLE: "nobody here may be served or asks",
}


OWN = frozenset({Cause.POWER_OFF, Cause.BOOTING, Cause.STOWED, Cause.SLEEPING})  # the terminal's own state


def is_policy(cause: int) -> bool:
    """Tell whether a cause is a decision rather than sky, radio or ground."""
    return DISABLED <= cause < Cause.IDLE


def needs_schedule(cause: int) -> bool:
    """Tell whether a cause is contention: the terminal's API would show NO_SCHEDULE."""
    return cause in (Cause.NO_ANTENNA, Cause.NO_BEAM, Cause.NO_CHANNEL)
