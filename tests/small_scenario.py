"""A small scenario for the real engine: terminals of every sort under two gateways that are lost together."""

_BEGIN = """
schema = 1
name = "small"
start = 2022-10-07T00:00:00Z
end = 2022-10-07T00:{minutes:02}:00Z
seed = 7
chunk_slots = 5
[constellation]
use = "starlink-2022-10"
[gateways]
include = ["Wola Krobowska", "Muallim"]
"""
_UNPAID = """
[[accounts]]
name = "shops"
[[accounts]]
name = "unpaid"
status = "disabled"
why = "the bill was not paid"
"""
_CLEAR_AND_HIDDEN = """
[[terminals]]
name = "fixed"
count = 30
country = "UA"
account = "shops"
[[terminals]]
name = "woods"
count = 12
country = "UA"
account = "shops"
obstructed_share = 1.0
"""
_LATE = """
[[terminals]]
name = "late"
count = 4
country = "UA"
account = "unpaid"
"""
_MOVING = """
[[terminals]]
name = "vans"
place = "track"
count = 3
kind = "in-motion"
account = "shops"
tracks = [{ waypoints = [[50.0, 30.0], [50.0, 31.0]], speed_kmh = 400 }]
[[areas]]
name = "kyiv"
circle = { latitude_deg = 50.45, longitude_deg = 30.52, radius_km = 60 }
"""
_BLACKOUT = """
[[faults]]
name = "mains"
kind = "power"
area = "kyiv"
from = 2022-10-07T00:01:00Z
until = 2022-10-07T00:02:00Z
assumption = "blackout"
"""
_LOST = """
[[faults]]
name = "both-lost"
kind = "gateway"
target = ["Wola Krobowska", "Muallim"]
from = 2022-10-07T00:04:00Z
until = 2022-10-07T00:05:00Z
why = "an exercise"
"""
_ASSUMED = """
[[assumptions]]
id = "blackout"
text = "mains fail in Kyiv for a minute"
source = "assumed"
confidence = "low"
"""


def small_toml(*, minutes: int = 6, unpaid: bool = True, blackout: bool = False) -> str:
    """Return it; ``unpaid``: the account of four terminals is disabled; ``blackout``: mains fail in Kyiv."""
    return "".join(
        [
            _BEGIN.format(minutes=minutes), _UNPAID if unpaid else "", _CLEAR_AND_HIDDEN,
            _LATE if unpaid else "", _MOVING, _BLACKOUT if blackout else "", _LOST,
            _ASSUMED if blackout else "",
        ]
    )  # fmt: skip
