"""`openleo who-can`: who may do something, and why."""

import click

from openleo.cli._control import Where, control_options, show, table


@click.command("who-can")
@click.argument("action")
@click.argument("area", required=False)
@click.option("--person", metavar="NAME", help="Ask about one person alone, who may be yourself.")
@control_options
def command(where: Where, action: str, area: str | None, person: str | None) -> None:
    """Say who may do something, and why.

    ACTION is such as decide.approve; AREA is a service area (default: the whole network).
    """
    from openleo.control.grants import may, who_can
    from openleo.control.roles import roles_with

    roles_with(action)
    there = "the whole network" if area is None else area
    with where.desk() as desk:
        if person is not None:
            answer = desk.read(lambda tx: may(tx, person, action, area))
            show(where, answer, [f"{'yes' if answer.allowed else 'no'}: {answer.reason}"])
            return
        found = desk.read(lambda tx: who_can(tx, action, area))
    value = [{"person": name, "reason": reason} for name, reason in found]
    nobody = f"nobody may {action} on {there}"
    show(where, value, table(["person", "why"], found, none=nobody))
