"""`openleo serve`: run a network by the clock, or show one that was run, with an API and a page."""

import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from openleo.base.errors import BadInput
from openleo.cli._durations import Duration
from openleo.cli._instants import Instant

if TYPE_CHECKING:
    from openleo.live.clock import Clock
    from openleo.live.folder import LiveFolder
    from openleo.live.supervisor import Child

_PORT = 8350


class _Start(Instant):
    """An instant, or ``now``."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the instant, or the word."""
        return "now" if value == "now" else super().convert(value, param, ctx)


class Many(click.ParamType[int]):
    """A number, or ``all``."""

    name = "number"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number."""
        if value == "all":
            return sys.maxsize
        try:
            found = int(str(value))
        except ValueError:
            found = 0
        if found < 1:
            self.fail(f"{value!r} is neither a number of terminals nor 'all'", param, ctx)
        return found


@click.command("serve")
@click.argument("scenario", metavar="[SCENARIO]", required=False)
@click.option(
    "--speed",
    type=click.FloatRange(0.1, 300),
    default=1.0,
    show_default=True,
    metavar="X",
    help="How many times as fast as ours its time goes.",
)
@click.option(
    "--replay", type=click.Path(path_type=Path), metavar="RUN", help="Show a run folder instead of running."
)
@click.option(
    "--start", type=_Start(), metavar="TIME", help="Another start; `now` keeps to our time, whatever stops."
)
@click.option(
    "--for",
    "length",
    type=Duration(),
    metavar="DURATION",
    help="How long it goes on (default: two days at least).",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where data lives (default: OPENLEO_HOME, else the platform's folder).",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=_PORT, show_default=True, help="The port; 0 for any."
)
@click.option(
    "--control-less", is_flag=True, help="Leave the control database aside: no login, and no decisions."
)
@click.option(
    "--key-file",
    type=click.Path(path_type=Path),
    envvar="OPENLEO_KEY_FILE",
    metavar="FILE",
    help="The key of a sealed control database, or OPENLEO_KEY_FILE.",
)
@click.option(
    "--terminals",
    type=Many(),
    metavar="N|all",
    help="Have the first N terminals answer the local API of a dish, at an address each.",
)
@click.option(
    "--terminals-at",
    default="127.64.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="The first terminal's loopback address; the others follow.",
)
@click.option(
    "--terminals-firmware", metavar="VERSION", help="What the terminals run (default: the newest known)."
)
@click.option(
    "--terminals-location",
    type=click.Choice(["not-enabled", "enabled", "by-policy"]),
    default="not-enabled",
    show_default=True,
    help="Whether the terminals tell their position; by-policy: their plan does not let them.",
)
@click.option(
    "--telemetry", is_flag=True, help="Keep what each terminal met in each slot, as a fleet's telemetry."
)
@click.option("--anew", is_flag=True, help="Begin at the start, and forget what was served before.")
def command(
    *, scenario: str | None, speed: float, replay: Path | None, start: Any, length: timedelta | None,
    data: Path | None, host: str, port: int, control_less: bool, key_file: Path | None, anew: bool,
    terminals: int | None, terminals_at: str, terminals_firmware: str | None, terminals_location: str,
    telemetry: bool,
) -> None:  # fmt: skip
    """Serve a network live, or a run of one, with an API and a page.

    SCENARIO is a built-in scenario or a TOML file.  The network steps by the clock; stop it with Ctrl-C,
    and it goes on where it was when the same command is given again.  Where DIR holds a control database (see
    `openleo control init`), people log in and decide, and the network does what is decided; else everybody
    who reaches the port may look, and nothing can be decided.
    """
    from openleo.cli._control import control_folder, data_folder

    if (scenario is None) == (replay is None):
        raise click.UsageError("name a scenario to run, or a run folder to show with --replay: one of them")
    if replay is not None and (start or length or anew or terminals or telemetry):
        raise click.UsageError(
            "--start, --for, --anew, --terminals and --telemetry are for a scenario, not for --replay"
        )
    if speed != 1.0 and start == "now":
        raise click.UsageError("--start now keeps to our time: leave --speed out")
    control = control_folder(data)
    found = None if control_less or not (control / "control.db").is_file() else control
    need_loopback(host, found)
    common = {"control": None if found is None else str(found), "key": key_told(found, key_file)}
    if replay is not None:
        _replay(replay, {**common, "fleet": fleet_told(data_folder(data))}, host, port)
        return
    assert scenario is not None
    dishes = _dishes(terminals, terminals_at, terminals_firmware, terminals_location)
    _live(
        scenario, speed=speed, start=start, length=length, data=data_folder(data), common=common, host=host,
        port=port, anew=anew, dishes=dishes, telemetry=telemetry,
    )  # fmt: skip


def _dishes(count: int | None, at: str, version: str | None, location: str) -> dict[str, Any] | None:
    """Return what the terminals' process is told; None where there is none.  Raises BadInput."""
    if not count:
        return None
    from openleo.dish.firmware import NEWEST, firmware
    from openleo.dish.serving import check_loopback, row_of_address

    software = version or NEWEST
    firmware(software)
    first = row_of_address(at)
    check_loopback(at)
    where = location.upper().replace("-", "_")
    return {"terminals": count, "at": at, "first": first, "software": software, "location": where}


def fleet_told(data: Path) -> str | None:
    """Return the folder of the real fleet that is shown too; None where there is none."""
    found = data / "fleet"
    return str(found) if found.is_dir() else None


def need_loopback(host: str, control: Path | None) -> None:
    """Raise BadInput where a network without logins would be shown to a whole network of machines."""
    if control is None and host not in {"127.0.0.1", "::1", "localhost"}:
        raise BadInput(
            f"{host} is no loopback address, and there is no control database: anybody could look",
            "make people log in (`openleo control init`), or serve on 127.0.0.1",
        )


def key_told(control: Path | None, key_file: Path | None) -> str | None:
    """Return the key of a sealed control database as it is told to processes; None where it needs none."""
    from openleo.cli._people import store_key

    key = None if control is None else store_key(control, key_file)
    return None if key is None else key.hex()


def _live(
    name: str, *, speed: float, start: Any, length: timedelta | None, data: Path, common: dict[str, Any],
    host: str, port: int, anew: bool, dishes: dict[str, Any] | None, telemetry: bool,
) -> None:  # fmt: skip
    import shutil

    from openleo.live.begin import begin, live_folder, live_scenario, resumed_clock
    from openleo.live.clock import plain
    from openleo.live.supervisor import Child
    from openleo.results.execute import RUNS
    from openleo.results.inputs import scenario_of
    from openleo.scenario.load import load_scenario

    now = datetime.now(UTC) if start == "now" else None
    scenario = live_scenario(load_scenario(name), start=now or start, length=length)
    control = None if common["control"] is None else Path(common["control"])
    folder = live_folder(data, scenario, real_time=now is not None, control=control)
    if anew and folder.path.exists():
        shutil.rmtree(folder.path)
    begin(folder, scenario)
    kept = scenario_of(folder.path, folder.config()["inputs"])
    clock = resumed_clock(folder, kept, speed, now=now)
    fleet = fleet_told(data) or (str(folder.path / "fleet") if telemetry else None)
    with tempfile.TemporaryDirectory(prefix="openleo-") as sockets:
        told = {
            **common, "fleet": fleet, "folder": str(folder.path), "clock": plain(clock),
            "notices": f"{sockets}/api", "runs": [str(RUNS), str(data / "live")],
        }  # fmt: skip
        children = [Child(name="engine", module="openleo.live.engine_process", told=told)]
        if dishes is not None:
            children.append(
                Child(name="terminals", module="openleo.live.terminals_process", told=told | dishes)
            )
            click.echo(f"terminals answer from {dishes['at']}:9200 on; the list is {folder.addresses}")
        if telemetry:
            from openleo.dish.firmware import NEWEST

            software = NEWEST if dishes is None else dishes["software"]
            children.append(
                Child(
                    name="telemetry", module="openleo.live.telemetry_process",
                    told=told | {"software": software},
                )
            )  # fmt: skip
            click.echo(f"telemetry is kept: openleo fleet --data {folder.path}")
        serve_all(f"{kept.name} at x{speed:g}", children, told, host, port, clock=clock, folder=folder)


def _replay(run: Path, common: dict[str, Any], host: str, port: int) -> None:
    from openleo.results.execute import RUNS
    from openleo.results.run import open_run

    opened = open_run(run, partial=True)
    told = {**common, "replay": str(run), "runs": [str(RUNS), str(run.parent)]}
    serve_all(f"the run {opened.name}", [], told, host, port)


def serve_all(
    what: str, children: "list[Child]", told: dict[str, Any], host: str, port: int, *,
    clock: "Clock | None" = None, folder: "LiveFolder | None" = None,
) -> None:  # fmt: skip
    """Start the processes, say where to look, and keep them alive."""
    from openleo.base.clock import format_utc
    from openleo.live.supervisor import Child, bound, supervise

    listening = bound(host, port)
    number = listening.getsockname()[1]
    api = Child(
        name="api", module="openleo.api.live_process", told={**told, "fd": listening.fileno()},
        passes=(listening.fileno(),),
    )  # fmt: skip
    address = f"http://{f'[{host}]' if ':' in host else host}:{number}"
    click.echo(f"serving {what} on {address}")
    network = told.get("replay") is not None or told.get("folder") is not None
    for line in _to_try(address, login=told["control"] is not None, network=network):
        click.echo(line)
    sys.stdout.flush()

    def save() -> None:
        if clock is not None and folder is not None:
            folder.save_ns(clock.now_ns(), format_utc(clock.now()))

    acting = [Child(name="acting", module="openleo.live.acting_process", told=told)] if told["fleet"] else []
    status = supervise([*children, *acting, api], save=save)
    listening.close()
    if status:
        sys.exit(status)


def _to_try(address: str, *, login: bool, network: bool) -> list[str]:
    who = "log in with your name and password" if login else "anybody on this machine may look"
    return [
        f"  page     {address}/ ({who})",
        f"  network  curl {address}/v1/network" if network else f"  fleet    curl {address}/v1/fleet",
        f"  API      {address}/openapi.json",
        "  stop     Ctrl-C; the same command goes on where it was",
    ]
