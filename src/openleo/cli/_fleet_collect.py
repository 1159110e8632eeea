"""`openleo fleet add, once, watch`: dishes to poll, and collecting from them and from vendors' accounts."""

import asyncio
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from openleo.base.errors import BadInput, did_you_mean
from openleo.cli._control import table
from openleo.cli._fleet import At, data_words, fleet_options, show, stop_on_signals
from openleo.cli._text import counted, natural

if TYPE_CHECKING:
    from openleo.fleet.collect import Collector
    from openleo.fleet.kits import Kit
    from openleo.fleet.probing import Probe
    from openleo.fleet.register import DishEntry, Register
    from openleo.fleet.vendor import VendorStream

_LINE_S = 2.0  # a status line on a screen is renewed so often
_LOG_S = 60.0  # and elsewhere written so often
_STATES = ("online", "dark", "silent", "wrong", "unknown")


@click.command("add")
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
@click.option("--source", default="", metavar="IP|INTERFACE",
              help="Ask from this address or interface: every real dish is 192.168.100.1.")  # fmt: skip
@click.option("--name", default="", metavar="TEXT", help="What people call it (of one alone).")
@click.option("--kit", default="", metavar="KIT", help="Which kit of the register it is (of one alone).")
@click.option("--timeout", "timeout_s", default=4.0, show_default=True, type=click.FloatRange(0.1, 60.0),
              help="Seconds to wait for its answer.")  # fmt: skip
@fleet_options
def add(at: At, *, addresses: tuple[str, ...], source: str, name: str, kit: str, timeout_s: float) -> None:
    """Add dishes to poll, and ask each who it is; one that does not answer is added too, and that is said.

    ADDRESS is its address, with a port where that is not 9200.
    """
    from openleo.fleet.probing import probe
    from openleo.fleet.register import DishEntry

    if len(addresses) > 1 and (name or kit):
        raise click.UsageError("--name and --kit are of one dish: add it alone")
    for one in addresses:
        if Path(one).is_file():
            raise BadInput(
                f"{one} is a file, not a dish's address", f"take kits from it: openleo fleet import {one}"
            )
    dishes = [DishEntry(address=one.strip(), source=source.strip(), name=name.strip()) for one in addresses]

    async def ask() -> "list[Probe]":
        return list(await asyncio.gather(*(probe(dish, timeout_s=timeout_s) for dish in dishes)))

    answers = asyncio.run(ask())
    lines: list[str] = []
    values = []
    with at.register() as register:
        meant = _kit_of(register, kit) if kit else None
        for dish, answer in zip(dishes, answers, strict=True):
            value, told = _added(register, dish, answer, meant)
            values.append(value)
            lines += told
    show(at, values[0] if len(values) == 1 else values, lines)


def _kit_of(register: "Register", name: str) -> "Kit":
    """Return the kit that a person names."""
    found = register.find_kits(name)
    if len(found) != 1:
        known = [kit.id for kit in register.kits()]
        raise BadInput(
            f"{name!r} may be {len(found)} kits" if found else f"no kit {name!r} is in the register",
            f"name one: {', '.join(k.id for k in found[:8])}" if found else did_you_mean(name, known),
        )
    return found[0]


def _added(
    register: "Register", dish: "DishEntry", answer: "Probe", meant: "Kit | None"
) -> tuple[dict[str, Any], list[str]]:
    """Keep one dish; return what is told of it."""
    from openleo.fleet.kit_file import place_of
    from openleo.fleet.register import DishEntry
    from openleo.fleet.tied import contradictions

    place = (place_of(dish.address), dish.source)
    before = next((d for d in register.dishes() if (place_of(d.address), d.source) == place), None)
    others = [d for d in register.dishes() if d.name and d.name == dish.name and d != before]
    if others:
        raise BadInput(f"dish {others[0].key} is called {dish.name} already", "take another --name")
    told = meant.terminal if meant and not meant.learned else ""
    if told and answer.terminal and answer.terminal != told:
        raise BadInput(
            f"{dish.address} is {answer.terminal}, not the kit's {told}",
            "leave --kit out, or mend the kit",
        )
    whose = register.find_kits(answer.terminal) if meant and answer.terminal else []
    if meant and whose and whose[0].id != meant.id:
        raise BadInput(
            f"{dish.address} is {answer.terminal}, which is kit {whose[0].id}",
            f"leave --kit out, or take that kit's terminal away: openleo fleet remove {whose[0].id}",
        )
    kept = DishEntry(  # whom it says, or last said, it is goes before what people say of its kit
        address=before.address if before else dish.address, source=dish.source,
        name=dish.name or (before.name if before else ""),
        terminal=answer.terminal or (before.terminal if before else "") or told,
        kit=meant.id if meant else "",
    )  # fmt: skip
    register.put_dish(kept)
    every = register.kits()
    kits = [k for k in every if (k.id == meant.id if meant else kept.terminal in (k.terminal or " ",))]
    lines = [f"dish {kept.label} is {'polled as before' if before else 'added'}", *_probed(answer)]
    if kits:
        at_site = f" at {kits[0].site}" if kits[0].site else ""
        later = "" if kits[0].terminal else ", which learns its terminal once the dish answers"
        lines.append(f"it is kit {kits[0].id}{at_site}{later}")
    lines += [f"WARNING: {one}" for one in contradictions(every, [kept])]
    return {"dish": kept, "answer": answer, "kit": kits[0] if kits else None}, lines


def _probed(answer: "Probe") -> list[str]:
    if answer.error:
        return [
            f"it does not answer now: {answer.error}",
            answer.hint,
            "it is asked again by: openleo fleet watch",
        ]
    lines = [
        f"it is {answer.terminal} ({answer.hardware}), software {answer.software}",
        f"{answer.state}, up {answer.up_s:,} s",
    ]
    if answer.alerts:
        lines.append(f"alerts: {', '.join(answer.alerts)}")
    if answer.over_web:
        lines.append("it answers over gRPC-Web (port 9201), not gRPC")
    if answer.unknown:
        lines.append(f"its firmware tells what is new here: {', '.join(answer.unknown[:12])}")
    return lines


@click.command("once")
@fleet_options
def once(at: At) -> None:
    """Ask every dish of the register once, keep what it tells, and show how each stands."""
    from openleo.fleet.books import FleetBook
    from openleo.fleet.collect import Collector

    if not at.folder.is_dir():
        raise _nobody_to_ask(at)
    with FleetBook(at.folder) as book:
        collector = Collector(book)
        found = asyncio.run(collector.once())
        kits = {
            name: (kit.site, kit.kit)
            for kit in book.register.kits()
            for name in (kit.id, kit.terminal)
            if name
        }
    if not found:
        raise _nobody_to_ask(at)
    found.sort(key=lambda pair: natural(pair[0].entry.label))
    rows = [
        (s.entry.label, s.terminal, *whose, s.state, s.detail)
        for s, _ in found
        for whose in (kits.get(s.terminal) or kits.get(s.entry.kit, ("", "")),)
    ]
    lines = table(("dish", "terminal", "site", "kit", "state", "what"), rows, none="")
    for seen, look in found:
        lines += [
            f"{seen.entry.label}: {detail}"
            for kind, detail in look.remarks.items()
            if detail != seen.detail and kind != "position"  # which is no trouble
        ]
    lines += ["", f"{counted(collector.kept, 'sample')} kept"]
    value = [
        {"dish": s.entry, "terminal": s.terminal, "state": s.state, "detail": s.detail, "remarks": k.remarks}
        for s, k in found
    ]
    show(at, value, lines)


def _nobody_to_ask(at: At) -> BadInput:
    return BadInput(
        f"there are no dishes to ask in {at.folder.parent}",
        f"add one: openleo fleet add 192.168.100.1{data_words(at)}",
    )


def _nothing_to_watch(at: At) -> BadInput:
    data = data_words(at)
    return BadInput(
        f"there is nothing to watch in {at.folder.parent}",
        f"add a dish: openleo fleet add 192.168.100.1{data}; or an account: openleo fleet connect "
        f"starlink{data}",
    )


@click.command("watch")
@click.option("--no-dishes", is_flag=True, help="Follow the vendors' accounts alone.")
@click.option("--no-accounts", is_flag=True, help="Watch the dishes alone.")
@fleet_options
def watch(at: At, no_dishes: bool, no_accounts: bool) -> None:
    """Watch every dish and account of the register, and keep what they tell, until Ctrl-C.

    Dishes are asked each 5 to 15 seconds, and their history fills what was missed.  Dishes that are added
    meanwhile are watched too.
    """
    from openleo.fleet.durable import only_one

    if not at.folder.is_dir():
        raise _nothing_to_watch(at)
    with only_one(at.folder / "watch.lock", "openleo fleet watch"), suppress(asyncio.CancelledError):
        asyncio.run(_watch(at, dishes=not no_dishes, accounts=not no_accounts))


async def _watch(at: At, *, dishes: bool, accounts: bool) -> None:
    from openleo.cli._fleet_changes import Changes
    from openleo.fleet.books import FleetBook
    from openleo.fleet.collect import Collector
    from openleo.fleet.vendor import VendorStream

    stop = asyncio.Event()
    stop_on_signals(stop)
    with FleetBook(at.folder) as book:
        collector = Collector(book)
        known = book.register.accounts() if accounts else []
        if not known and not (dishes and book.dishes()):
            raise _nothing_to_watch(at)
        here = len(book.dishes()) if dishes else 0
        what = [counted(here, "dish")] if here else []
        what += [counted(len(known), "account")] if known else []
        click.echo(f"watching {' and '.join(what)}; Ctrl-C stops it", err=True)
        Changes(collector, book.register)
        streams = [VendorStream(account, collector, folder=at.folder) for account in known]
        running = [asyncio.create_task(stream.run(stop)) for stream in streams]
        telling = asyncio.create_task(_tell(collector, streams, stop))
        try:
            if dishes:
                await collector.run(stop)
            else:
                await stop.wait()
        finally:
            stop.set()
            await asyncio.gather(*running, telling, return_exceptions=True)
    click.echo(f"stopped; {counted(collector.kept, 'sample')} kept", err=True)


async def _tell(collector: "Collector", streams: "list[VendorStream]", stop: asyncio.Event) -> None:
    on_screen = sys.stderr.isatty()
    while not stop.is_set():
        line = status_line(collector, streams)
        click.echo(f"\r\x1b[K{line}" if on_screen else line, err=True, nl=not on_screen)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _LINE_S if on_screen else _LOG_S)
    if on_screen:
        click.echo(err=True)


def status_line(collector: "Collector", streams: "list[VendorStream]") -> str:
    """Return how it stands, in one line."""
    from openleo.fleet.site_clock import when

    counts = collector.counts()
    parts = [when(collector.clocks.now_ns())]
    if counts:
        dishes = counted(sum(counts.values()), "dish")
        parts.append(
            f"{dishes}: " + ", ".join(f"{counts[state]} {state}" for state in _STATES if counts[state])
        )
    else:
        parts.append("no answer yet")
    parts.append(f"{counted(collector.kept, 'sample')} kept")
    for stream in streams:
        parts.append(f"{stream.account.name}: {stream.state}, {stream.rows:,} rows")
    if collector.trouble:
        parts.append(f"TROUBLE: {collector.trouble}")
    return " | ".join(parts)


COMMANDS: tuple[click.Command, ...] = (add, once, watch)
