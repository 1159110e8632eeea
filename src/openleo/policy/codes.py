"""Why a terminal may not be served: the disablement codes of a terminal's own API."""

from enum import IntEnum


class DisablementCode(IntEnum):
    """The terminal API's ``UtDisablementCode``, with its numbers (5 and 9 are unused there)."""

    UNKNOWN_STATE = 0
    OKAY = 1
    NO_ACTIVE_ACCOUNT = 2
    TOO_FAR_FROM_SERVICE_ADDRESS = 3
    IN_OCEAN = 4
    BLOCKED_COUNTRY = 6
    DATA_OVERAGE_SANDBOX_POLICY = 7
    CELL_IS_DISABLED = 8
    ROAM_RESTRICTED = 10
    UNKNOWN_LOCATION = 11
    ACCOUNT_DISABLED = 12
    UNSUPPORTED_VERSION = 13
    MOVING_TOO_FAST_FOR_POLICY = 14
    UNDER_AVIATION_FLYOVER_LIMITS = 15
    BLOCKED_AREA = 16


EXPLANATIONS: dict[DisablementCode, str] = {
    DisablementCode.UNKNOWN_STATE: "whether it may be served is not known",
    DisablementCode.OKAY: "may be served",
    DisablementCode.NO_ACTIVE_ACCOUNT: "belongs to no active account",
    DisablementCode.TOO_FAR_FROM_SERVICE_ADDRESS: "is too far from its service address",
    DisablementCode.IN_OCEAN: "is at sea, where its plan does not serve",
    DisablementCode.BLOCKED_COUNTRY: "is in a country that is not served",
    DisablementCode.DATA_OVERAGE_SANDBOX_POLICY: "has used up its data",
    DisablementCode.CELL_IS_DISABLED: "is in a cell that is switched off",
    DisablementCode.ROAM_RESTRICTED: "may not roam here",
    DisablementCode.UNKNOWN_LOCATION: "does not know where it is",
    DisablementCode.ACCOUNT_DISABLED: "belongs to an account that is disabled",
    DisablementCode.UNSUPPORTED_VERSION: "runs software that is no longer supported",
    DisablementCode.MOVING_TOO_FAST_FOR_POLICY: "moves faster than its plan allows",
    DisablementCode.UNDER_AVIATION_FLYOVER_LIMITS: "flies under the limits for aviation",
    DisablementCode.BLOCKED_AREA: "is in an area that is not served",
}
