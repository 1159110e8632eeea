"""`openleo fleet`: agents, service accounts, tags, and taking telemetry out."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from openleo.base.errors import BadInput
from openleo.cli._control import data_folder, table
from openleo.cli._group import Group
from openleo.cli._instants import Instant

if TYPE_CHECKING:
    from openleo.fleet.database import FleetDatabase

F = TypeVar("F", bound=Callable[..., Any])
_FILE = click.Path(path_type=Path)


def data_option(function: F) -> F:
    """Add the option that says where data lives."""
    option = click.option(
        "--data", type=_FILE, metavar="DIR",
        help="Where data lives (default: OPENLEO_HOME, else the platform's folder).",
    )  # fmt: skip
    return option(function)


def _folder(data: Path | None) -> Path:
    from openleo.fleet.store import fleet_folder

    return fleet_folder(data_folder(data))


def _fleet_there(data: Path | None) -> Path:
    """Return the fleet's folder; raises BadInput where there is none, for reading must not make one."""
    from openleo.fleet.looking import need_fleet

    need_fleet(_folder(data))
    return _folder(data)


@contextmanager
def _database(data: Path | None) -> "Iterator[FleetDatabase]":
    from openleo.fleet.database import FleetDatabase

    with FleetDatabase(_folder(data)) as database:
        yield database


def _lines(lines: list[str]) -> None:
    for line in lines:
        click.echo(line)


# Agents -------------------------------------------------------------------------------------------------


@click.group("agent", cls=Group)
def agent() -> None:
    """Keep the agents that send what they see of dishes at their sites."""


@agent.command("add")
@click.argument("name")
@click.option("--site", default="", help="The site where it runs.")
@click.option("--account", default="", help="The account whose terminals it sees.")
@click.option(
    "--terminal",
    "terminals",
    multiple=True,
    metavar="ID",
    help="A terminal that it may tell of, as often as needed (default: whatever it sees).",
)
@data_option
def add_agent(name: str, site: str, account: str, terminals: tuple[str, ...], data: Path | None) -> None:
    """Add an agent, and print the code with which it enrols its key: good once, for a day."""
    from openleo.fleet.agents import Agents

    with _database(data) as database:
        code = Agents(database).add(
            name, now_ns=time.time_ns(), site=site, account=account, terminals=terminals or None
        )
    click.echo(code)


@agent.command("code")
@click.argument("name")
@data_option
def renew_agent(name: str, data: Path | None) -> None:
    """Print a new code, with which an agent enrols a new key."""
    from openleo.fleet.agents import Agents

    with _database(data) as database:
        click.echo(Agents(database).renew(name, now_ns=time.time_ns()))


@agent.command("list")
@data_option
def list_agents(data: Path | None) -> None:
    """List the agents: state, when each was last heard, and how much it told in the last two days."""
    from openleo.fleet.agents import Agents
    from openleo.fleet.agents_heard import bringers
    from openleo.fleet.store import TelemetryStore
    from openleo.fleet.why.times import when

    with TelemetryStore(_fleet_there(data)) as store:
        heard = bringers(store).devices
    now_ns = time.time_ns()
    with _database(data) as database:
        rows = [
            (
                one.id, one.state, one.site, one.account,
                "any" if one.terminals is None else len(one.terminals),
                when(heard[one.id].last_ns, now_ns) if one.id in heard else "never, or not for two days",
                heard[one.id].terminals if one.id in heard else 0,
                f"{heard[one.id].samples:,}" if one.id in heard else "0",
            )
            for one in Agents(database).all()
        ]  # fmt: skip
    heads = ("agent", "state", "site", "account", "may tell of", "last heard", "told of", "samples")
    _lines(table(heads, rows, none="no agents"))


@agent.command("revoke")
@click.argument("name")
@click.option(
    "--captured-since",
    type=Instant(),
    metavar="TIME",
    help="It is in wrong hands since then: keep what it sends as evidence, and believe nothing of it.",
)
@data_option
def revoke_agent(name: str, captured_since: datetime | None, data: Path | None) -> None:
    """Refuse an agent from its next batch on."""
    from openleo.fleet.agents import Agents
    from openleo.fleet.history import unix_ns

    since = None if captured_since is None else unix_ns(captured_since)
    with _database(data) as database:
        Agents(database).cut_off(name, captured_since_ns=since)
    click.echo(f"{name} is {'revoked' if since is None else 'quarantined'}")


# Who reads ----------------------------------------------------------------------------------------------


@click.group("service", cls=Group)
def service() -> None:
    """Keep the service accounts with which collectors and Prometheus read telemetry."""


@service.command("add")
@click.argument("name")
@click.option("--account", default="", help="Whose terminals it reads, by the tag account (default: all).")
@data_option
def add_service(name: str, account: str, data: Path | None) -> None:
    """Add a service account, and print its secret, which is kept nowhere."""
    from openleo.fleet.services import Services

    with _database(data) as database:
        click.echo(Services(database).add(name, now_ns=time.time_ns(), account=account))


@service.command("list")
@data_option
def list_services(data: Path | None) -> None:
    """List the service accounts."""
    from openleo.fleet.services import Services

    with _database(data) as database:
        rows = [(one.id, one.account or "all") for one in Services(database).all()]
    _lines(table(("service account", "reads"), rows, none="no service accounts"))


@service.command("remove")
@click.argument("name")
@data_option
def remove_service(name: str, data: Path | None) -> None:
    """Remove a service account; a token that it holds is good for 15 minutes at most."""
    from openleo.fleet.services import Services

    with _database(data) as database:
        Services(database).remove(name)
    click.echo(f"{name} is removed")


@click.command("tag")
@click.argument("terminal")
@click.argument("tags", nargs=-1, required=True, metavar="NAME=VALUE...")
@data_option
def tag(terminal: str, tags: tuple[str, ...], data: Path | None) -> None:
    """Tag a terminal (account=, site=, gateway= and others); an empty value takes a tag away."""
    from openleo.fleet.tags import Tags

    values = {}
    for one in tags:
        name, equals, value = one.partition("=")
        if not equals:
            raise BadInput(f"{one!r} is no tag", "write NAME=VALUE, such as site=Lviv")
        values[name] = value
    with _database(data) as database:
        Tags(database).put(terminal, values)
    click.echo(f"{terminal} is tagged")


# Out ----------------------------------------------------------------------------------------------------


@click.command("latest")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    help="How to print (default: text).",
)
@data_option
def latest(form: str, data: Path | None) -> None:
    """Show the newest word of each terminal."""
    from openleo.base.instants import instant_text
    from openleo.fleet.agents_heard import bringers
    from openleo.fleet.batches import plain
    from openleo.fleet.store import TelemetryStore

    with TelemetryStore(_fleet_there(data)) as store:
        found, by = store.latest(), bringers(store).of
    if form == "json":
        click.echo(
            json.dumps([plain(found[name]) | {"by": by.get(name)} for name in sorted(found)], indent=2)
        )
        return
    rows = [
        (
            name, instant_text(datetime.fromtimestamp(one.time_ns // 10**9, UTC))[:19] + "Z",
            "unreachable" if not one.reachable else one.outage or "in service",
            "" if one.ping_latency_ms is None else f"{one.ping_latency_ms:.0f}",
            "" if one.downlink_mbps is None else f"{one.downlink_mbps:.1f}", one.software or "",
            "" if name not in by else by[name] or "this machine",
        )
        for name, one in sorted(found.items())
    ]  # fmt: skip
    _lines(
        table(("terminal", "seen", "state", "ms", "Mbit/s", "software", "by"), rows, none="no telemetry yet")
    )


@click.command("export")
@click.argument("file", type=_FILE)
@click.option("--since", type=Instant(), metavar="TIME", help="From when (default: a day before --until).")
@click.option("--until", type=Instant(), metavar="TIME", help="Until when (default: now).")
@click.option(
    "--table",
    "what",
    type=click.Choice(["telemetry", "minutes", "enterprise"]),
    default="telemetry",
    show_default=True,
    help="Samples, minutes, or samples under the vendor's names.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "parquet"]),
    help="What to write (default: by FILE's ending).",
)
@click.option("--terminal", "terminals", multiple=True, metavar="ID", help="Only these; as often as needed.")
@click.option("--positions", is_flag=True, help="With latitude and longitude.")
@data_option
def export_(
    *, file: Path, since: datetime | None, until: datetime | None, what: str, form: str | None,
    terminals: tuple[str, ...], positions: bool, data: Path | None,
) -> None:  # fmt: skip
    """Write telemetry to FILE, as CSV or Parquet."""
    from openleo.fleet.export import export
    from openleo.fleet.history import History

    end = until or datetime.now(UTC)
    begin = since or end - timedelta(days=1)
    chosen = form or file.suffix.removeprefix(".").lower()
    if chosen not in {"csv", "parquet"}:
        raise BadInput(f"{file.name} ends in neither .csv nor .parquet", "say which with --format")
    with History(_fleet_there(data)) as history:
        rows = export(
            history, file, begin, end, table=cast(Any, what), form=cast(Any, chosen), terminals=terminals,
            positions=positions,
        )  # fmt: skip
    click.echo(f"{rows:,} rows in {file}")
    if not rows:
        click.echo(f"there is no telemetry from {begin:%Y-%m-%d %H:%M}Z to {end:%Y-%m-%d %H:%M}Z", err=True)


@click.command("query")
@click.argument("sql")
@click.option("--since", type=Instant(), metavar="TIME", help="From when (default: a day before --until).")
@click.option("--until", type=Instant(), metavar="TIME", help="Until when (default: now).")
@data_option
def query(sql: str, since: datetime | None, until: datetime | None, data: Path | None) -> None:
    """Ask the history in SQL (DuckDB) and print CSV; views: telemetry, minutes, enterprise."""
    from openleo.fleet.history import History

    end = until or datetime.now(UTC)
    with History(_fleet_there(data)) as history:
        found = history.sql(sql, since or end - timedelta(days=1), end)
    import polars as pl

    listed = [name for name, kind in found.schema.items() if isinstance(kind, pl.List)]
    plain = found.with_columns(pl.col(name).cast(pl.List(pl.String)).list.join(" ") for name in listed)
    click.echo(plain.write_csv(), nl=False)


@click.command("keep")
@data_option
def keep(data: Path | None) -> None:
    """Bring closed hours into the history now; `openleo ingest` does it by itself, and lets old ones go."""
    from openleo.fleet.keeping import Keeper
    from openleo.fleet.store import TelemetryStore

    with TelemetryStore(_fleet_there(data)) as store:
        kept = Keeper(store).keep(time.time_ns(), let_go=False)
    click.echo(f"{len(kept.hours)} hours written")


COMMANDS: tuple[click.Command, ...] = (agent, service, tag, latest, export_, query, keep)
