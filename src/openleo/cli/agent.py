"""`openleo agent`: watch the dish of a remote site and send what it tells."""

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from openleo.base.errors import BadInput, OpenleoError
from openleo.cli._fleet import At, fleet_options, show, stop_on_signals
from openleo.cli._group import Group

if TYPE_CHECKING:
    from openleo.fleet.agent import Agent
    from openleo.fleet.agent_orders import Kept
    from openleo.fleet.register import DishEntry

_DISH = "192.168.100.1"
_LOG_S = 60.0
_ASKABLE = ("reboot", "stow", "sleep")


class _Action(click.Choice[str]):
    """An action that can be allowed; of unstow it says what allows it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the action."""
        if value == "unstow":
            self.fail("unstow goes with stow: allow or forbid stow", param, ctx)
        return super().convert(value, param, ctx)


@click.group("agent", cls=Group)
def command() -> None:
    """Watch the dish of a remote site and send what it tells, also after hours in the dark."""


@command.command("enrol")
@click.argument("code")
@click.option("--server", "url", required=True, metavar="URL", help="The openleo that knows the code.")
@click.option("--telemetry", metavar="URL", help="Where what the dish tells goes, if not to the same server.")
@click.option("--dish", "dishes", multiple=True, metavar="ADDRESS[,SOURCE]",
              help=f"A dish here, and our address or interface to it (default: {_DISH}).")  # fmt: skip
@click.option("--ca-file", type=click.Path(path_type=Path), metavar="FILE",
              help="Certificates (PEM) to trust instead of the system's.")  # fmt: skip
@fleet_options
def enrol(
    at: At, *, code: str, url: str, telemetry: str | None, dishes: tuple[str, ...], ca_file: Path | None
) -> None:  # fmt: skip
    """Make this machine's key and enrol it with a one-time CODE.

    The key is made here, in a file of mode 600, and never leaves.  A server's operator makes the code.
    """
    from openleo.fleet import agent_home
    from openleo.fleet.web import Server

    trusted = str(ca_file.absolute()) if ca_file else ""
    before = None
    with suppress(OpenleoError):
        before = agent_home.read_settings(_folder(at))
    settings, waits = agent_home.enrol(
        _folder(at), code, Server(url, trusted), _entries(dishes or (_DISH,)),
        telemetry=Server(telemetry, trusted) if telemetry else None,
    )  # fmt: skip
    key = agent_home.public_key(agent_home.own_key(_folder(at)))
    lines = [f"this is agent {settings.device} of {settings.server}", f"its public key: {key}"]
    if before is not None and (before.device, before.server) != (settings.device, settings.server):
        lines.append(
            f"until now it was agent {before.device} of {before.server}: have that one revoked there"
        )
    if waits:
        lines.append("an operator must accept this key there before what it sends is taken")
    lines.append("next: openleo agent run")
    show(at, {"device": settings.device, "server": settings.server, "key": key, "waits": waits}, lines)


@command.command("run")
@click.option("--most-mb", default=64, show_default=True, type=click.IntRange(1, 100_000),
              help="How many MB to hold while the server cannot be reached.")  # fmt: skip
@click.option("--no-orders", is_flag=True, help="Carry out no order, whatever was allowed.")
@fleet_options
def run(at: At, most_mb: int, no_orders: bool) -> None:
    """Watch the dish and send what it tells, until Ctrl-C or SIGTERM.

    It connects outwards alone.  What cannot be sent is held on disk; over the limit, the oldest detail is
    dropped first.  Orders are carried out where `openleo agent allow` has allowed them; what was and is not
    confirmed is undone, also with --no-orders.
    """
    # gRPC's own resolver of names takes 2 MB; the system's does, for a dish is named by its address.
    os.environ.setdefault("GRPC_DNS_RESOLVER", "native")
    from openleo.fleet.agent import Agent
    from openleo.fleet.agent_home import own_key, read_settings
    from openleo.fleet.durable import only_one

    settings, key = read_settings(_folder(at)), own_key(_folder(at))
    with only_one(_folder(at) / "run.lock", "openleo agent run"):
        agent = Agent(_folder(at), settings, key, most_bytes=most_mb * 1024 * 1024, orders=not no_orders)
        asyncio.run(_run(agent))


async def _run(agent: "Agent") -> None:
    stop = asyncio.Event()
    stop_on_signals(stop)
    agent.sender.on_first = lambda: click.echo("the server has acknowledged the first samples", err=True)
    agent.sender.on_trouble = _told
    telling = asyncio.create_task(_tell(agent, stop))
    try:
        await agent.run(stop)
    finally:
        await telling
    click.echo("stopped; what was told until now is on disk", err=True)


def _told(trouble: str) -> None:
    click.echo(f"TROUBLE: {trouble}" if trouble else "the server takes what is sent again", err=True)


async def _tell(agent: "Agent", stop: asyncio.Event) -> None:
    while not stop.is_set():
        click.echo(status_line(agent), err=True)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _LOG_S)


def status_line(agent: "Agent") -> str:
    """Return how it stands, in one line."""
    held = agent.ring.held()
    dishes = ", ".join(f"{one.entry.label} {one.state}" for one in agent.collector.seen()) or "starting"
    parts = [
        dishes,
        f"{held.samples:,} samples and {held.batches:,} batches held",
        f"{agent.sender.sent:,} sent",
    ]
    if held.thinned or held.dropped:
        parts.append(f"{held.thinned:,} thinned out and {held.dropped:,} dropped for want of room")
    parts += [f"TROUBLE: {one}" for one in agent.troubles()]
    return " | ".join(parts)


@command.command("allow")
@click.argument("action", type=_Action(_ASKABLE), required=False)
@fleet_options
def allow(at: At, action: str | None) -> None:
    """Allow that the server orders something of the dishes here, or show what is allowed.

    Nothing is, until somebody at the site allows it.  stow goes with unstow; what is stowed or put to sleep
    is undone by the agent itself, unless the server confirms that it can still be reached.
    """
    _allow(at, action, allowed=True)


@command.command("forbid")
@click.argument("action", type=_Action(_ASKABLE))
@fleet_options
def forbid(at: At, action: str) -> None:
    """Forbid that the server orders something of the dishes here; what is to be undone is all the same."""
    _allow(at, action, allowed=False)


def _allow(at: At, action: str | None, *, allowed: bool) -> None:
    from openleo.fleet.agent_home import read_settings
    from openleo.fleet.agent_orders import OrderBook

    read_settings(_folder(at))  # says where there is no agent
    with OrderBook(_folder(at)) as book:
        if action is not None:
            book.allow(action, allowed=allowed)
        found = book.allowed()
    lines = [f"{one}: {'allowed' if one in found else 'off'}" for one in _ASKABLE]
    show(at, {one: one in found for one in _ASKABLE}, lines)


def _undoes(one: "Kept") -> str:
    """Say when an order is undone."""
    from openleo.fleet.site_clock import NS, when

    action = str(one.order["action"])
    if one.revert == "reverting":
        return f"{action} is being undone: it was not confirmed"
    at_ns = one.told_ns + (one.revert_after_s or 0) * NS
    return f"{action} is undone at {when(at_ns)} unless it is confirmed"


@command.command("status")
@fleet_options
def status(at: At) -> None:
    """Say who this agent is, what it holds, and what is wrong."""
    from openleo.fleet.agent_home import own_key, public_key, read_settings
    from openleo.fleet.agent_orders import OrderBook
    from openleo.fleet.agent_ring import Ring
    from openleo.fleet.site_clock import when

    settings, key = read_settings(_folder(at)), public_key(own_key(_folder(at)))
    with Ring(_folder(at), settings.dishes) as ring:
        held, trouble, remarked = ring.held(), ring.trouble(), ring.remarks()
    remarks = [f"{subject} {kind}: {text}" for (subject, kind), text in remarked.items()]
    with OrderBook(_folder(at)) as book:
        allowed, armed = sorted(book.allowed()), book.armed()
    lines = [
        f"agent {settings.device} of {settings.server}, key {key}",
        *(f"dish {dish.key}" for dish in settings.dishes),
        f"{held.sent:,} samples sent"
        + (f", acknowledged until {when(held.acknowledged_ns)}" if held.acknowledged_ns else ", none yet"),
        f"{held.samples:,} samples and {held.batches:,} cut batches held ({held.bytes / 1e6:.1f} MB)"
        + (f", the oldest of {when(held.oldest_ns)}" if held.oldest_ns else "")
        + ": recorded here, and not acknowledged by the server yet",
    ]
    if held.thinned or held.dropped:
        lines.append(f"{held.thinned:,} thinned out and {held.dropped:,} dropped for want of room")
    if held.refused:
        lines.append(f"{held.refused:,} batches were refused by the server for good")
    lines.append(f"orders that are carried out: {', '.join(allowed) or 'none'}")
    lines += [f"{one.terminal}: {_undoes(one)}" for one in armed]
    if trouble is not None:
        lines.append(f"TROUBLE since {when(trouble.since_ns)}: {trouble.detail}")
    lines += [
        f"{subject} {kind}: {text}"
        for (subject, kind), text in remarked.items()
        if kind != "position"  # that a dish may not tell it is no trouble
    ]
    value = {
        "device": settings.device,
        "server": settings.server,
        "key": key,
        "held": held,
        "trouble": trouble,
        "orders": allowed,
        "undoes": [one.id for one in armed],
        "remarks": remarks,
    }
    show(at, value, lines)


def _folder(at: At) -> Path:
    return at.folder.parent / "agent"


def _entries(given: tuple[str, ...]) -> "list[DishEntry]":
    from openleo.dish.connecting import need_source, split_address
    from openleo.fleet.register import DishEntry

    found = []
    for text in given:
        address, _, source = text.partition(",")
        split_address(address)
        need_source(source.strip())
        found.append(DishEntry(address=address.strip(), source=source.strip()))
    if len({dish.key for dish in found}) < len(found):
        raise BadInput("a dish is named twice", "name each once")
    return found
