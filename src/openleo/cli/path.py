"""`openleo path`: the shortest path between two places at an instant, or over time in a Hypatia folder."""

import csv
import io
import json
import math
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from openleo.base.clock import format_utc, parse_utc
from openleo.base.constants import FIBRE_ROUTE_FACTOR
from openleo.base.errors import BadInput, OpenleoWarning
from openleo.cli._durations import Nanoseconds
from openleo.cli._text import columns, counted

if TYPE_CHECKING:
    import numpy as np

    from openleo.network.graph import Endpoint, Graph, Route
    from openleo.orbits.constellation import Constellation
    from openleo.scenario.hypatia import HypatiaFolder, PathAt

DEFAULT_CONSTELLATION = "starlink-2022-10"
MAX_STEPS = 10_000_000
_DWARFS = 50  # times the people of its namesakes: then nobody asks which one is meant
_ANY_DAY = "2022-10-07T00:00:00"  # for a filed pattern, which looks the same on any day
_SECOND_NS = 10**9
_COLUMNS = ("t_s", "rtt_ms", "hops", "path")


@click.command("path")
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "csv", "json"]),
    default="text",
    help="How to print (default: text).",
)
@click.option(
    "--constellation",
    "use",
    metavar="NAME|FILE",
    help=f"Built-in constellation or file of element sets (default: {DEFAULT_CONSTELLATION}).",
)
@click.option(
    "--at",
    metavar="TIME",
    help="Instant, such as 2022-10-07T17:30:00Z (default: that of the constellation's elements).",
)
@click.option("--isl", type=click.Choice(["none", "grid"]), help="Lasers between satellites (default: none).")
@click.option("--direct", is_flag=True, help="B has a terminal too, and the path stays in space.")
@click.option(
    "--min-elevation",
    "min_elevation_deg",
    type=click.FloatRange(0, 90),
    metavar="DEG",
    help="Minimum elevation of a terminal (default: 25; gateways have their own).",
)
@click.option(
    "--gso-exclusion",
    "gso_exclusion_deg",
    type=click.FloatRange(0, 90),
    metavar="DEG",
    help="Angle kept from the geostationary arc (default: 18; 0 for none).",
)
@click.option(
    "--gateways",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Gateways as CSV (default: the built-in ones live then).",
)
@click.option(
    "--hypatia",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="A Hypatia network folder, under its rules; A and B are names or numbers of its ground stations.",
)
@click.option(
    "--start",
    "start_ns",
    type=Nanoseconds(),
    metavar="DURATION",
    help="With --hypatia: first step (default: 0s).",
)
@click.option(
    "--for", "for_ns", type=Nanoseconds(), metavar="DURATION", help="With --hypatia: how long, from --start."
)
@click.option(
    "--every", "every_ns", type=Nanoseconds(), metavar="DURATION", help="With --hypatia: step (default: 1s)."
)
@click.pass_context
def command(ctx: click.Context, /, a: str, b: str, form: str, **options: Any) -> None:
    """Show the path of a terminal's traffic at an instant.

    A is a place with a terminal and B a host on the Internet: names ("Kyiv", "Odessa,US") or
    "latitude,longitude" ("-- -33.9,151.2 Tokyo" where one starts with a minus).  The path is the one of
    least propagation delay over satellites, gateway and fibre, without scheduling or load, to which a real
    network adds.

    With --hypatia it is a table of paths over time, one line for each step of --for; rtt_ms is empty where A
    and B are cut off.
    """
    only_here = {"start_ns": "--start", "for_ns": "--for", "every_ns": "--every"}
    only_there = {
        "use": "--constellation",
        "at": "--at",
        "isl": "--isl",
        "direct": "--direct",
        "min_elevation_deg": "--min-elevation",
        "gso_exclusion_deg": "--gso-exclusion",
        "gateways": "--gateways",
    }
    folder = options.pop("hypatia")
    wrong = only_there if folder is not None else only_here
    for key, flag in wrong.items():
        if options[key] is not None and options[key] is not False:
            rule = "does not go with" if folder is not None else "needs"
            raise click.UsageError(f"{flag} {rule} --hypatia", ctx)
    if folder is not None:
        _print_over_time(folder, (a, b), form, **{key: options[key] for key in only_here})
    else:
        _print_route((a, b), form, **{key: options[key] for key in only_there})


def _print_over_time(
    path: Path,
    ends: tuple[str, str],
    form: str,
    *,
    start_ns: int | None,
    for_ns: int | None,
    every_ns: int | None,
) -> None:
    """Print the path at each step in Hypatia's folder."""
    import numpy as np

    from openleo.scenario.hypatia import paths, read_folder

    start_ns = start_ns or 0
    every_ns = _SECOND_NS if every_ns is None else every_ns
    for_ns = every_ns if for_ns is None else for_ns
    if every_ns <= 0 or for_ns <= 0:
        raise BadInput(
            f"--for {for_ns / 1e9:g}s --every {every_ns / 1e9:g}s has no steps", "make both longer than 0s"
        )
    steps = -(-for_ns // every_ns)
    if steps > MAX_STEPS:
        raise BadInput(f"{steps:,} steps are more than {MAX_STEPS:,}", "shorten --for or lengthen --every")
    folder = read_folder(path)
    source, target = (folder.station(end) for end in ends)
    found = paths(folder, source, target, start_ns + np.arange(steps, dtype=np.int64) * every_ns)
    for line in _table_lines(folder, (source, target), found, form):
        click.echo(line)


def _table_lines(
    folder: "HypatiaFolder", ends: tuple[int, int], found: Iterable["PathAt"], form: str
) -> Iterator[str]:
    """Yield the lines of the table, each as soon as it is known (JSON comes at once)."""
    if form == "csv":
        yield ",".join(_COLUMNS)
        for at in found:
            yield ",".join(_cells(at))
        return
    names = [f"{folder.stations[gid].name} (gid {gid})" for gid in ends]
    if form == "json":
        rows = [
            {
                "t_s": at.t_ns / 1e9,
                "rtt_ms": round(at.rtt_s * 1e3, 6) if at.nodes else None,
                "hops": at.hops if at.nodes else None,
                "path": list(at.nodes),
            }
            for at in found
        ]
        whole = {
            "simulated": True,
            "from": names[0],
            "to": names[1],
            "epoch": format_utc(folder.epoch),
            "satellites": folder.satellites,
            "steps": rows,
        }
        yield json.dumps(whole, indent=2, ensure_ascii=False)
        return
    yield f"{names[0]} to {names[1]}, simulated; nodes from {folder.satellites} on are ground stations"
    yield f"{'t_s':>10}  {'rtt_ms':>10}  hops  path"
    for at in found:
        t_s, rtt_ms, hops, path = _cells(at)
        yield f"{t_s:>10}  {rtt_ms:>10}  {hops:>4}  {path}"


def _cells(at: "PathAt") -> tuple[str, str, str, str]:
    """Return one step's cells as Hypatia's own tables have them."""
    t_s = _seconds(at.t_ns)
    if not at.nodes:
        return t_s, "", "", "unreachable"
    return t_s, f"{at.rtt_s * 1e3:.6f}", str(at.hops), "-".join(map(str, at.nodes))


def _seconds(t_ns: int) -> str:
    """Return nanoseconds as seconds without rounding: 0.0, 0.1, 12.5."""
    whole, rest = divmod(t_ns, 10**9)
    return f"{whole}." + (f"{rest:09d}".rstrip("0") or "0")


def _print_route(
    names: tuple[str, str],
    form: str,
    *,
    use: str | None,
    at: str | None,
    isl: str | None,
    direct: bool,
    min_elevation_deg: float | None,
    gso_exclusion_deg: float | None,
    gateways: Path | None,
) -> None:
    """Print the shortest route between two places."""
    import numpy as np

    from openleo.ground.sites import BUILT_IN_DAY, load_gateways
    from openleo.network.graph import graph_at, shortest_route

    constellation, instant = _constellation(use or DEFAULT_CONSTELLATION, at)
    table = load_gateways(gateways)
    sites = table.take(table.live_at(instant.astype("datetime64[D]").item()))
    elevation_deg = 25.0 if min_elevation_deg is None else min_elevation_deg
    a, b = _endpoint(names[0], True, elevation_deg), _endpoint(names[1], direct, elevation_deg)
    graph = graph_at(
        constellation,
        sites,
        instant,
        lasers=isl == "grid",
        gso_exclusion_rad=float(np.radians(18.0 if gso_exclusion_deg is None else gso_exclusion_deg)),
    )
    route = shortest_route(graph, a, b, direct=direct)
    reason = "" if route is not None else _why_not(graph, (a, b), direct=direct, lasers=isl == "grid")
    if gateways is None:
        of = f"of the {len(table)} in the built-in table, those live as of {BUILT_IN_DAY}"
    else:
        of = f"of the {len(table)} in {gateways}"
    facts = {
        "from": a.name,
        "to": b.name,
        "at": format_utc(instant),
        "constellation": constellation.name,
        "satellites": int(constellation.serves_terminals.sum()),
        "gateways": len(sites),
        "gateways_from": of,
        "isl": isl or "none",
        "min_elevation_deg": elevation_deg,
        "place_notes": [line for name in names for line in _namesakes(name)],
    }
    lines = {"text": _route_text, "csv": _route_csv, "json": _route_json}[form](facts, route, reason)
    for line in lines:
        click.echo(line)


def _constellation(use: str, at: str | None) -> tuple["Constellation", "np.datetime64"]:
    """Load a constellation and say for which instant: the one asked for, or that of its elements."""
    import numpy as np

    from openleo.orbits.builtin import builtin_names, load_constellation
    from openleo.orbits.constellation import stale_elements_warning

    if use in builtin_names():
        instant = _epoch_of_builtin(use) if at is None else parse_utc(at)
        constellation, stale = load_constellation(use, at=instant), None
    else:
        constellation = load_constellation(use, at=np.datetime64(_ANY_DAY, "ns"))
        instant = constellation.epoch if at is None else parse_utc(at)
        stale = stale_elements_warning(constellation, instant)
    for detail, hint in (*(() if stale is None else (stale,)), *constellation.warnings):
        warnings.warn(f"{detail}; {hint}", OpenleoWarning, stacklevel=2)
    return constellation, instant


def _epoch_of_builtin(name: str) -> "np.datetime64":
    """Return the epoch of a built-in's own table; a Walker pattern has none and looks the same on any day."""
    from importlib import resources

    import numpy as np

    from openleo.orbits.plane_table import read_plane_table

    table = resources.files("openleo.orbits") / "data" / f"{name}.csv"
    return read_plane_table(table).epoch if table.is_file() else np.datetime64(_ANY_DAY, "ns")


def _endpoint(text: str, has_terminal: bool, min_elevation_deg: float) -> "Endpoint":
    from openleo.ground.places import find_place
    from openleo.network.graph import Endpoint

    place = find_place(text)
    return Endpoint(
        name=f"{place.name}, {place.country}" if place.country else place.name,
        latitude_rad=math.radians(place.latitude_deg),
        longitude_rad=math.radians(place.longitude_deg),
        has_terminal=has_terminal,
        min_elevation_rad=math.radians(min_elevation_deg),
    )


def _namesakes(text: str) -> Iterator[str]:
    """Yield a line that says which place was taken, where several share the name."""
    from openleo.ground.places import places_named

    taken, *others = places_named(text)
    abroad = next((place for place in others if place.country != taken.country), None)
    if others and taken.population <= _DWARFS * max(place.population for place in others):
        first = others[0]
        exact = f"{first.latitude_deg:.2f},{first.longitude_deg:.2f}" if abroad is None else abroad.label
        yield (
            f"{text!r} is taken to be {taken.label} ({taken.population:,} people);"
            f" {counted(len(others), 'other place')} of that name: write '{exact}' for one of them"
        )


def _why_not(graph: "Graph", ends: tuple["Endpoint", "Endpoint"], *, direct: bool, lasers: bool) -> str:
    """Return the first constraint that leaves nothing, in words."""
    from openleo.network.graph import view_of

    for end in ends:
        if not end.has_terminal:
            continue
        view = view_of(graph, end)
        if not view.in_view:
            return f"{end.name} sees no satellite that serves terminals"
        if direct:
            continue
        if not view.gateways:
            over = f"and reaches {view.reached} over lasers, " if lasers else ""
            return f"{end.name} sees {counted(view.in_view, 'satellite')}, {over}none of which sees a gateway"
    return "the two ends see no satellite in common" + (", nor any joined by lasers" if lasers else "")


def _route_text(facts: dict[str, Any], route: "Route | None", reason: str) -> Iterator[str]:
    yield f"{facts['from']} to {facts['to']} at {facts['at']}"
    yield (
        f"{facts['constellation']}: {counted(facts['satellites'], 'satellite')} in service,"
        f" ISLs: {facts['isl']}, from {facts['min_elevation_deg']:g} deg elevation"
    )
    yield f"{counted(facts['gateways'], 'gateway')} ({facts['gateways_from']})"
    yield from facts["place_notes"]
    yield ""
    if route is None:
        yield f"no path: {reason}"
        return
    rows = [["leg", "from", "to", "km", "ms"]]
    rows += [
        [g.kind, g.start, g.end, f"{g.length_m / 1e3:,.1f}", f"{g.delay_s * 1e3:.3f}"] for g in route.legs
    ]
    total_m = math.fsum(g.length_m for g in route.legs)
    rows.append(
        ["total", counted(route.hops, "hop"), "", f"{total_m / 1e3:,.1f}", f"{route.one_way_s * 1e3:.3f}"]
    )
    yield from columns(rows, right=frozenset({3, 4}))
    yield ""
    if any(g.kind == "fibre" for g in route.legs):
        yield f"fibre: the great circle times {FIBRE_ROUTE_FACTOR:g}, as cables are longer (assumed)"
    yield f"RTT {route.rtt_s * 1e3:.2f} ms: propagation alone, before access delay and queues; simulated"


def _km_ms(length_m: float, delay_s: float) -> tuple[str, str]:
    return f"{length_m / 1e3:,.1f}", f"{delay_s * 1e3:.3f}"


def _route_csv(facts: dict[str, Any], route: "Route | None", reason: str) -> Iterator[str]:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["leg", "from", "to", "length_km", "delay_ms"])
    for g in route.legs if route is not None else ():
        writer.writerow([g.kind, g.start, g.end, f"{g.length_m / 1e3:.6f}", f"{g.delay_s * 1e3:.6f}"])
    yield out.getvalue().rstrip("\n")


def _route_json(facts: dict[str, Any], route: "Route | None", reason: str) -> Iterator[str]:
    legs = [
        {
            "kind": g.kind,
            "from": g.start,
            "to": g.end,
            "length_km": round(g.length_m / 1e3, 6),
            "delay_ms": round(g.delay_s * 1e3, 6),
        }
        for g in (route.legs if route is not None else ())
    ]
    answer = {
        "rtt_ms": None if route is None else round(route.rtt_s * 1e3, 6),
        "hops": None if route is None else route.hops,
        "reason": reason or None,
        "legs": legs,
    }
    yield json.dumps({"simulated": True} | facts | answer, indent=2, ensure_ascii=False)
