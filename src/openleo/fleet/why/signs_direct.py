"""What only a direct reading of a dish shows, as signs."""

from collections.abc import Iterator

from openleo.fleet.why.inputs import Case
from openleo.fleet.why.sign import Sign


def direct_signs(case: Case) -> Iterator[Sign]:
    """Yield the signs that only a direct reading shows."""
    facts = case.facts
    if facts is None:
        return
    if facts.self_test_failed is not None:
        failed = ", ".join(facts.self_test_failed)
        yield Sign(
            "self-test",
            "yes" if failed else "no",
            f"its self test fails: {failed}" if failed else "its self test passes",
        )
    if facts.snr_persistently_low is not None:
        low = facts.snr_persistently_low
        yield Sign(
            "low-snr",
            "yes" if low else "no",
            f"the dish calls its signal {'persistently low' if low else 'normal'}",
        )
    if facts.heating is not None:
        hot = facts.heating
        yield Sign(
            "heating", "yes" if hot else "no", f"it {'heats against snow' if hot else 'does not heat'}"
        )
    if facts.ethernet_link is not None:
        up = facts.ethernet_link
        yield Sign("link", "up" if up else "down", f"its Ethernet link is {'up' if up else 'down'}")
    if facts.limited is not None:
        over = "OVERAGE" in facts.limited or "LOW_SPEED" in facts.limited
        yield Sign(
            "limited",
            "yes" if over else "no",
            f"its rate is limited: {facts.limited}" if over else "its rate is not limited",
        )
    if facts.water is not None:
        yield Sign(
            "water",
            "yes" if facts.water else "no",
            "it detects water" if facts.water else "it detects no water",
        )
    if facts.gps_inhibited:
        yield Sign("inhibited", "yes", "its holder has told it not to use satellite navigation")
    if facts.map_obstructed is not None:
        part = facts.map_obstructed
        value = "clear" if part < 0.005 else "some" if part < 0.04 else "much"
        yield Sign("map", value, hidden_words(part, facts.map_towards))


def hidden_words(part: float, towards: str) -> str:
    """Return ``69.7% of the sky that it maps is hidden, mostly to the north-west, down to 24 degrees``."""
    where = f", mostly {towards}" if towards and part >= 0.005 else ""
    return f"{part:.1%} of the sky that it maps is hidden{where}"
