"""Whether what a job of ours told a terminal is why it is dark: that is known, and not to be weighed."""

from collections.abc import Sequence
from typing import Final

from openleo.fleet.why.course import Course, State
from openleo.fleet.why.inputs import MINUTE_NS, Deed
from openleo.fleet.why.sign import Sign
from openleo.fleet.why.times import when

_EARLIEST_NS: Final = MINUTE_NS  # before it was told: clocks differ, samples are a quarter minute apart
_LATEST_NS: Final = 5 * MINUTE_NS
_STARTING_NS: Final = 15 * MINUTE_NS  # a dish starts within some minutes; after that it has a trouble


def explains(deed: Deed, course: Course, signs: Sequence[Sign]) -> bool:
    """Tell whether what a job of ours told a terminal last is why it is dark."""
    if course.state is State.ONLINE or deed.told_ns > course.now_ns:
        return False
    seen = {sign.name: sign.value for sign in signs}
    since = course.dark_since_ns
    began_then = since is not None and -_EARLIEST_NS <= since - deed.told_ns <= _LATEST_NS
    if deed.action == "sleep":
        return seen.get("outage") == "SLEEPING"
    if deed.action == "stow":
        stowed = seen.get("stowed") == "yes" or seen.get("outage") == "STOWED"
        return began_then and (stowed or not course.dark)
    return deed.action == "reboot" and began_then and course.now_ns - deed.told_ns <= _STARTING_NS


def deed_words(deed: Deed, now_ns: int) -> str:
    """Return ``job j-5d told it to stow at 16:46:02Z (by ada: storm coming)``."""
    at = when(deed.told_ns, now_ns)
    return f"job {deed.job} told it to {deed.action} at {at} (by {deed.by}: {deed.reason})"
