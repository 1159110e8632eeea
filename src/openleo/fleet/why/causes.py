"""What can have darkened a real terminal, and what a person does about each.

These are coarser than the engine's causes: from outside a real network one sees that a gateway or a point of
presence is gone, never which of its antennas.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Why(StrEnum):
    """A cause as people act on it.  Values are stable: reports and tools hold them."""

    AREA = "switched-off-by-area"
    ACCOUNT = "account"
    MOVED = "moved"
    DATA_CAP = "data-cap"
    UNPOWERED = "unpowered"
    OBSTRUCTED = "obstructed"
    JAMMED = "jammed"
    WEATHER = "rain-or-snow"
    BROKEN = "broken"
    SOFTWARE = "software"
    STOWED = "stowed-or-asleep"
    LOCAL_NETWORK = "local-network"
    NETWORK = "gateway-or-pop"
    CAPACITY = "satellites-or-capacity"
    SITE_LINK = "remote-site-link"
    ORDERED = "told-by-us"  # not weighed: a job of ours is known to have told it
    UNKNOWN = "not-enough-evidence"


CAUSES: Final = tuple(cause for cause in Why if cause not in (Why.ORDERED, Why.UNKNOWN))  # those weighed


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What to say of a cause: ``meaning`` ends "dark because ..."; ``call`` names whom to ring."""

    meaning: str
    do: str
    call: str


ADVICE: Final[dict[Why, Advice]] = {
    Why.AREA: Advice(
        meaning="service is switched off where it is",
        do="Compare the decision log with its cell; if people there must have service, ask for the area or "
        "the terminal to be switched on: `openleo request`.",
        call="whoever decides on the area; for a vendor's network, the vendor's government or business desk",
    ),
    Why.ACCOUNT: Advice(
        meaning="its account or service line is not active",
        do="Look at the account's payment, its service line and whether this terminal is on it; pay or "
        "re-add it.",
        call="the account's owner, then the vendor's billing desk",
    ),
    Why.MOVED: Advice(
        meaning="it is where, or moves as, its plan does not allow",
        do="Ask where it is. If the move is meant, change the service address or the plan; if not, treat it "
        "as lost or taken: `openleo terminal hold`.",
        call="its holder",
    ),
    Why.DATA_CAP: Advice(
        meaning="its data is used up",
        do="Buy more data or raise the cap for this service line; look which devices at the site use it.",
        call="the account's owner",
    ),
    Why.UNPOWERED: Advice(
        meaning="it has no power",
        do="Ask whether there is power at the site; start the generator or bring a battery; check plug, "
        "power supply and cable.",
        call="the site's holder; the power company where neighbours went dark too",
    ),
    Why.OBSTRUCTED: Advice(
        meaning="something hides the sky",
        do="Look at the obstruction map (`openleo fleet sky --dish ADDRESS`), then clear or move the dish "
        "to where it sees the sky, poleward first.",
        call="its holder",
    ),
    Why.JAMMED: Advice(
        meaning="radio interference: satellite navigation or the downlink is drowned",
        do="Warn holders near by. Shield the dish from the ground (a pit, a wall below its view), try "
        "position input from elsewhere where the plan has it, log times and directions.",
        call="the spectrum authority or the force that watches the spectrum, and the vendor",
    ),
    Why.WEATHER: Advice(
        meaning="rain or snow weakens the signal",
        do="Wait for rain to pass; for snow set the dish's snow melt on and clear it by hand if it stays "
        "white.",
        call="nobody, unless it outlasts the weather; then its holder",
    ),
    Why.BROKEN: Advice(
        meaning="its hardware fails",
        do="Read the alert's own words with `openleo fleet why --dish ADDRESS`; let it cool or clear the "
        "motors' way; swap the kit if the self test fails.",
        call="its holder, then whoever keeps spare kits",
    ),
    Why.SOFTWARE: Advice(
        meaning="it restarts, updates, or runs software that is no longer served",
        do="Wait ten minutes for an update. If it restarts again and again, note its software version, "
        "power it off for a minute, and update it where there is service.",
        call="nobody for one restart; the vendor's support for a loop or a whole version",
    ),
    Why.STOWED: Advice(
        meaning="its holder stowed it, put it to sleep or switched its radio off",
        do="Ask whether it is meant; unstow it or end the sleep schedule in its app.",
        call="its holder",
    ),
    Why.LOCAL_NETWORK: Advice(
        meaning="the dish is fine; the router or cable behind it is not",
        do="Check the cable between dish and router (10 or 100 Mbit/s is a bad cable or plug), restart the "
        "router, then plug a computer into the dish.",
        call="whoever keeps the network at the site",
    ),
    Why.NETWORK: Advice(
        meaning="a gateway, a point of presence or the provider's core is out",
        do="Nothing at the sites helps: tell holders so, switch what is life-critical to other links, watch "
        "the vendor's status.",
        call="the vendor's operations desk, with the list of terminals and the second it began",
    ),
    Why.CAPACITY: Advice(
        meaning="too few satellites, beams or channels for all who ask there",
        do="Ask for priority for what is life-critical; move load to quiet hours or other links; compare "
        "with `openleo run` for that place and time.",
        call="the vendor's account manager if it recurs",
    ),
    Why.SITE_LINK: Advice(
        meaning="we cannot see the site: the agent or its link is down; the terminal may be fine",
        do="Ask the site by phone or radio whether the Internet works there; check the agent (`systemctl "
        "status openleo-agent`) and its clock, disk and certificate.",
        call="whoever keeps the agent at the site",
    ),
    Why.ORDERED: Advice(
        meaning="a job of this fleet told it so",
        do="Nothing is broken. `openleo fleet jobs` tells the job; `openleo fleet do unstow`, or "
        "`sleep --off`, ends it.",
        call="whoever made the job",
    ),
    Why.UNKNOWN: Advice(
        meaning="too little is known to name a cause",
        do="Get one more fact before sending anybody: see what would decide.",
        call="the site's holder, to ask what they see",
    ),
}
