"""Who takes terminals in or activates them is told which stand outside the area whose people act on them."""

import pytest
from control_terminals import prepare
from control_world import World

from openleo.control import onboarding
from openleo.control.custody import activate, hand
from openleo.control.inventory import Selection

OUT = "{id},mini,fixed,10.0,10.0\n"
IN = "{id},mini,fixed,46.64,32.61\n"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([IN, IN], ()),
        (["{id},mini,,,\n", IN], ()),
        ([OUT], ("kit-0 stands outside area kherson: it is served only where an area that is on holds it",)),
        (
            [IN, OUT],
            (
                "1 of 2 stands outside area kherson (kit-1): "
                "it is served only where an area that is on holds it",
            ),
        ),
        (
            [IN, OUT, OUT],
            (
                "2 of 3 stand outside area kherson (for example kit-1): "
                "they are served only where an area that is on holds them",
            ),
        ),
    ],
)
def test_terminals_that_stand_outside_their_area_are_told_when_they_come_and_when_they_are_activated(
    network: World, rows: list[str], said: tuple[str, ...]
) -> None:
    prepare(network)
    text = "id,kind,plan,latitude_deg,longitude_deg\n"
    text += "".join(row.format(id=f"kit-{n}") for n, row in enumerate(rows))
    source, which = onboarding.Source.of(text.encode(), "x.csv"), Selection(batch="b")
    how = {"account": "relief", "area": "kherson", "batch": "b"}
    assert network.act("amina", lambda tx: onboarding.onboard(tx, source, **how)).remarks == said
    assert network.act("amina", lambda tx: hand(tx, which, to="depot")).remarks == ()
    assert network.act("amina", lambda tx: activate(tx, which)).remarks == said


def test_where_nothing_is_denied_by_default_the_remark_does_not_say_so(simulated: World) -> None:
    prepare(simulated)
    source = onboarding.Source.of(b"id,kind,plan,latitude_deg,longitude_deg\nkit,mini,fixed,10,10\n", "x.csv")
    done = simulated.act("amina", lambda tx: onboarding.onboard(tx, source, account="relief", area="kherson"))
    assert done.remarks == (
        "kit stands outside area kherson: what is decided of the cells of that area does not reach it",
    )
