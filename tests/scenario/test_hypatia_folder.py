"""A Hypatia folder opens as it is, and each thing wrong with one is named with its file, line and remedy."""

import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sgp4.api import WGS72, Satrec

from openleo.base.constants import LIGHT_M_S
from openleo.base.errors import BadInput, OpenleoWarning
from openleo.network.routing import shortest_to_exits_reference
from openleo.orbits.frames import gmst82_rad
from openleo.scenario import hypatia

PLANES, PER_PLANE = 8, 12
CITIES = [
    ("Quito", -0.18, -78.47),
    ("São-Paulo", -23.55, -46.63),
    ("Nairobi", -1.29, 36.82),
    ("Lima", -12.05, -77.04),
]
A_M, F = 6_378_160.0, 1.0 / 298.25  # PyEphem's ellipsoid
MAX_GSL_M = 2_600_000.0


def with_checksum(line: str) -> str:
    return f"{line}{(sum(int(c) for c in line if c.isdigit()) + line.count('-')) % 10}"


def tle(index: int, *, raan_deg: float, mean_anomaly_deg: float, epoch: str = "00001.00000000") -> list[str]:
    number = f"{index + 1:05d}"
    return [
        f"Toy {index}",
        with_checksum(f"1 {number}U 00000ABC {epoch}  .00000000  00000-0  00000+0 0    0"),
        with_checksum(
            f"2 {number}  53.0000 {raan_deg:8.4f} 0000001   0.0000 {mean_anomaly_deg:8.4f} 14.00000000    0"
        ),
    ]


def wgs72_m(
    latitude_deg: float, longitude_deg: float, a_m: float = 6_378_135.0, f: float = 1 / 298.26
) -> np.ndarray:
    latitude, longitude, e2 = math.radians(latitude_deg), math.radians(longitude_deg), f * (2 - f)
    n = a_m / math.sqrt(1 - e2 * math.sin(latitude) ** 2)
    ring = n * math.cos(latitude)
    return np.array(
        [ring * math.cos(longitude), ring * math.sin(longitude), n * (1 - e2) * math.sin(latitude)]
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = [f"{PLANES} {PER_PLANE}"]
    for index in range(PLANES * PER_PLANE):
        plane, slot = divmod(index, PER_PLANE)
        anomaly = (slot + 0.5 * (plane % 2)) * 360 / PER_PLANE
        lines += tle(index, raan_deg=plane * 360 / PLANES, mean_anomaly_deg=anomaly)
    isls = []
    for index in range(PLANES * PER_PLANE):
        plane, slot = divmod(index, PER_PLANE)
        isls.append(f"{index} {plane * PER_PLANE + (slot + 1) % PER_PLANE}")
        isls.append(f"{index} {(plane + 1) % PLANES * PER_PLANE + slot}")
    stations = [
        f"{gid},{name},{lat:.6f},{lon:.6f},0.000000," + ",".join(f"{v:.6f}" for v in wgs72_m(lat, lon))
        for gid, (name, lat, lon) in enumerate(CITIES)
    ]
    (tmp_path / "tles.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "isls.txt").write_text("\n".join(isls) + "\n", encoding="utf-8")
    (tmp_path / "ground_stations.txt").write_text("\n".join(stations) + "\n", encoding="utf-8")
    limits = f"max_gsl_length_m={MAX_GSL_M:.10f}\nmax_isl_length_m=9000000.0\n"
    (tmp_path / "description.txt").write_text(limits, encoding="utf-8")
    return tmp_path


def edit(folder: Path, name: str, change: Callable[[list[str]], list[str]]) -> None:
    path = folder / name
    path.write_text("\n".join(change(path.read_text(encoding="utf-8").split("\n"))), encoding="utf-8")


def replace_line(number: int, text: str) -> Callable[[list[str]], list[str]]:
    return lambda lines: [*lines[: number - 1], text, *lines[number:]]


def slow_paths(folder: Path, t_s: float) -> dict[tuple[int, int], float]:
    """RTTs by the sgp4 package, plain Python and a heap."""
    lines = (folder / "tles.txt").read_text(encoding="utf-8").split("\n")[1:]
    epoch = np.datetime64("2000-01-01T00:00:00", "ns") + np.timedelta64(round(t_s * 1e9), "ns")
    angle = float(gmst82_rad(np.array([epoch]))[0])
    turn = np.array(
        [[math.cos(angle), math.sin(angle), 0], [-math.sin(angle), math.cos(angle), 0], [0, 0, 1]]
    )
    sats = []
    for i in range(PLANES * PER_PLANE):
        satellite = Satrec.twoline2rv(lines[3 * i + 1], lines[3 * i + 2], WGS72)
        sats.append(turn @ np.array(satellite.sgp4(2451544.5, t_s / 86400)[1]) * 1e3)
    links: list[list[tuple[int, float]]] = [[] for _ in sats]
    for line in (folder / "isls.txt").read_text(encoding="utf-8").split("\n"):
        if line:
            a, b = map(int, line.split())
            delay = math.dist(sats[a], sats[b]) / LIGHT_M_S
            links[a].append((b, delay))
            links[b].append((a, delay))
    ground = [wgs72_m(lat, lon, A_M, F) for _, lat, lon in CITIES]
    legs = [[math.dist(g, s) if math.dist(g, s) <= MAX_GSL_M else math.inf for s in sats] for g in ground]
    out = {}
    for b in range(len(CITIES)):
        dist, _ = shortest_to_exits_reference(links, [leg / LIGHT_M_S for leg in legs[b]])
        for a in range(len(CITIES)):
            if a != b:
                out[a, b] = 2 * min(leg / LIGHT_M_S + d for leg, d in zip(legs[a], dist, strict=True))
    return out


@pytest.mark.parametrize("t_s", [0.0, 133.7, 3600.0])
def test_rtts_agree_with_the_sgp4_package_and_a_heap(folder: Path, t_s: float) -> None:
    network = hypatia.read_folder(folder)
    at = np.array([round(t_s * 1e9)])
    tables = hypatia.tables(network, int(at[0]))
    for (a, b), expected_s in slow_paths(folder, t_s).items():
        found = next(hypatia.paths(network, a, b, at))
        assert found.rtt_s == pytest.approx(expected_s, rel=1e-9)
        assert 2 * tables.delay_s[a, b] == pytest.approx(expected_s, rel=1e-9)


def test_a_path_is_node_numbers_from_station_to_station_over_listed_links(folder: Path) -> None:
    network = hypatia.read_folder(folder)
    assert network.satellites == 96
    found = next(hypatia.paths(network, 0, 2, np.array([0])))
    assert (found.nodes[0], found.nodes[-1]) == (96, 98)
    assert found.hops == len(found.nodes) - 1
    for a, b in zip(found.nodes[1:-2], found.nodes[2:-1], strict=True):
        assert b in network.neighbours[a]


def test_there_and_back_are_equally_long(folder: Path) -> None:
    network = hypatia.read_folder(folder)
    times_ns = np.arange(0, 3_600_000_000_000, 600_000_000_000)
    for out, back in zip(
        hypatia.paths(network, 0, 2, times_ns), hypatia.paths(network, 2, 0, times_ns), strict=True
    ):
        assert out.rtt_s == pytest.approx(back.rtt_s, rel=1e-12)


def test_steps_do_not_depend_on_which_others_are_asked_for(folder: Path) -> None:
    network = hypatia.read_folder(folder)
    times_ns = np.arange(70) * 1_000_000_000
    at_once = list(hypatia.paths(network, 0, 2, times_ns))
    assert [p.t_ns for p in at_once] == times_ns.tolist()
    assert at_once[69] == next(hypatia.paths(network, 0, 2, times_ns[69:]))


def test_slant_range_decides_not_elevation(folder: Path) -> None:
    """A longer limit reaches satellites below any service elevation, as in Hypatia."""
    edit(folder, "description.txt", replace_line(1, "max_gsl_length_m=100000000"))
    network = hypatia.read_folder(folder)
    found = next(hypatia.paths(network, 0, 2, np.array([0])))
    assert found.hops == 2  # through the Earth: no elevation is tested


def test_without_reachable_satellites_a_pair_is_cut_off(folder: Path) -> None:
    edit(folder, "description.txt", replace_line(1, "max_gsl_length_m=1000"))
    found = next(hypatia.paths(hypatia.read_folder(folder), 0, 2, np.array([0])))
    assert (found.rtt_s, found.nodes, found.hops) == (math.inf, (), 0)


def test_a_folder_without_links_has_bent_pipes_over_one_satellite(folder: Path) -> None:
    (folder / "isls.txt").write_text("")
    network = hypatia.read_folder(folder)
    near = next(hypatia.paths(network, 0, 3, np.array([0])))
    far = next(hypatia.paths(network, 0, 2, np.array([0])))
    assert near.hops in {0, 2}
    assert far.rtt_s == math.inf


def test_a_link_over_the_limit_stays_and_is_told_once(folder: Path) -> None:
    edit(folder, "description.txt", replace_line(2, "max_isl_length_m=1000"))
    network = hypatia.read_folder(folder)
    with pytest.warns(
        OpenleoWarning, match="isls.txt: the link .* over max_isl_length_m = 1.0 km; it is kept"
    ) as told:
        found = list(hypatia.paths(network, 0, 2, np.arange(40) * 1_000_000_000))
    assert len(told) == 1
    assert all(math.isfinite(p.rtt_s) for p in found)


@pytest.mark.parametrize(
    ("text", "gid"),
    [
        ("Quito", 0),
        ("quito", 0),
        ("Sao Paulo", 1),
        ("são-paulo", 1),
        (" nairobi ", 2),
        ("3", 3),
        ("96", 0),
        ("99", 3),
    ],
)
def test_a_station_is_named_by_name_gid_or_node_number(folder: Path, text: str, gid: int) -> None:
    assert hypatia.read_folder(folder).station(text) == gid


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("Nairobbi", r"did you mean Nairobi \(gid 2\)\?"),
        ("paulo", r"did you mean São-Paulo \(gid 1\)\?"),
        ("Zzzz", r"known: Quito \(gid 0\), São-Paulo"),
        ("4", "gids are 0 to 3, node numbers 96 to 99"),
        ("100", "gids are 0 to 3, node numbers 96 to 99"),
        ("", "known: Quito"),
    ],
)
def test_an_unknown_station_is_answered_with_the_nearest_names(folder: Path, text: str, hint: str) -> None:
    with pytest.raises(BadInput, match="has no ground station") as caught:
        hypatia.read_folder(folder).station(text)
    assert re.search(hint, caught.value.hint)


def test_two_stations_of_one_name_need_the_gid(folder: Path) -> None:
    edit(folder, "ground_stations.txt", lambda lines: [line.replace("Lima", "Quito") for line in lines])
    with pytest.raises(BadInput, match="2 ground stations are called Quito") as caught:
        hypatia.read_folder(folder).station("quito")
    assert caught.value.hint == "give the gid: 0 or 3"


def test_a_path_from_a_station_to_itself_is_refused(folder: Path) -> None:
    with pytest.raises(BadInput, match=r"starts and ends at Quito \(gid 0\)"):
        next(hypatia.paths(hypatia.read_folder(folder), 0, 0, np.array([0])))


def station_5(old: str, new: str, count: int = -1) -> Callable[[list[str]], list[str]]:
    """Add a fifth ground station whose line has ``old`` replaced by ``new``."""
    return lambda lines: [*lines[:4], STATION.replace(old, new, count)]


STATION = "4,Accra,5.600000,-0.190000,0.000000," + ",".join(f"{v:.6f}" for v in wgs72_m(5.6, -0.19))
BROKEN = [
    ("tles.txt", replace_line(1, "eight 12"), "line 1: 'eight 12' is not two whole numbers"),
    ("tles.txt", replace_line(1, "0 12"), "line 1: '0 12' is not two whole numbers"),
    ("tles.txt", replace_line(1, "96"), "line 1: '96' is not two whole numbers"),
    ("tles.txt", replace_line(1, "9 12"), "holds 96 satellites, but its first line says 9 planes of 12"),
    ("tles.txt", replace_line(1, "12 8"), "line 1: it says 12 planes of 8 .* those of 8 planes of 12"),
    ("tles.txt", lambda lines: lines[3:], "line 1: .* is not two whole numbers"),
    ("tles.txt", lambda lines: lines[:1] + lines[4:], "line 2: 'Toy 1' stands at place 0|holds 95"),
    (
        "tles.txt",
        lambda lines: [*lines[:1], *lines[4:7], *lines[1:4], *lines[7:]],
        "line 2: 'Toy 1' stands at place 0, not 1",
    ),
    ("tles.txt", lambda lines: [*lines[:5], lines[5][:-1], *lines[6:]], "line 6: line 1 has 68 characters"),
    ("tles.txt", lambda lines: [*lines[:6], lines[6][:-1] + "x", *lines[7:]], "line 7: checksum mismatch"),
    ("tles.txt", lambda lines: [*lines[:3], *lines[4:]], "line [34]: "),
    (
        "tles.txt",
        lambda lines: [*lines[:4], *tle(0, raan_deg=0, mean_anomaly_deg=30), *lines[7:]],
        "used twice",
    ),
    (
        "tles.txt",
        lambda lines: [
            *lines[:4],
            *tle(1, raan_deg=0, mean_anomaly_deg=30, epoch="00002.00000000"),
            *lines[7:],
        ],
        "line 6: the epoch of 'Toy 1' is 2000-01-02",
    ),
    ("tles.txt", lambda _: [], "line 1: '' is not two whole numbers"),
    ("ground_stations.txt", lambda _: [], "has no ground station"),
    ("ground_stations.txt", replace_line(2, "1,Lyon,45.7,4.8,0"), "line 2: 5 columns, not 8"),
    ("ground_stations.txt", replace_line(2, STATION), "line 2: gid '4' where 1 belongs"),
    ("ground_stations.txt", station_5("Accra", ""), "line 5: the name is empty"),
    ("ground_stations.txt", station_5("5.600000", "95.6"), "line 5: latitude 95.6"),
    ("ground_stations.txt", station_5("-0.190000", "-190"), "line 5: longitude -190"),
    ("ground_stations.txt", station_5("5.600000", "north"), "line 5: latitude 'north'"),
    ("ground_stations.txt", station_5(",0.000000,", ",nan,"), "line 5: elevation 'nan'"),
    ("ground_stations.txt", station_5(",0.000000,", ",9e9,"), "line 5: elevation 9000000000"),
    ("ground_stations.txt", station_5("5.600000", "-5.6"), "line 5: x,y,z of Accra lie 12.. km"),
    ("isls.txt", replace_line(3, "1 x"), "line 3: '1 x' is not two satellite numbers"),
    ("isls.txt", replace_line(3, "1 2 3"), "line 3: '1 2 3' is not two satellite numbers"),
    ("isls.txt", replace_line(3, "1 -2"), "line 3: '1 -2' is not two satellite numbers"),
    ("isls.txt", replace_line(3, "1 96"), "line 3: there is no satellite 96; tles.txt holds 0 to 95"),
    ("isls.txt", replace_line(3, "5 5"), "line 3: the link joins satellite 5 to itself"),
    ("isls.txt", replace_line(3, "1 0"), "line 3: the link 0 1 is already on line 1"),
    ("description.txt", lambda lines: lines[1:], "does not give max_gsl_length_m"),
    ("description.txt", lambda lines: lines[:1], "does not give max_isl_length_m"),
    (
        "description.txt",
        replace_line(1, "max_gsl_length_m 5"),
        "line 1: 'max_gsl_length_m 5' is not key=value",
    ),
    (
        "description.txt",
        replace_line(1, "max_gsl_length_m=far"),
        "line 1: max_gsl_length_m 'far' is not a number",
    ),
    (
        "description.txt",
        replace_line(1, "max_gsl_length_m=-5"),
        "line 1: max_gsl_length_m is -5, not above 0",
    ),
]


@pytest.mark.parametrize(("name", "change", "message"), BROKEN, ids=[f"{n}-{m[:30]}" for n, _, m in BROKEN])
def test_what_is_wrong_with_a_folder_is_named(
    folder: Path, name: str, change: Callable[[list[str]], list[str]], message: str
) -> None:
    edit(folder, name, change)
    with pytest.raises(BadInput, match=message) as caught:
        hypatia.read_folder(folder)
    assert name in caught.value.detail
    assert caught.value.hint


@pytest.mark.parametrize("name", ["tles.txt", "ground_stations.txt", "isls.txt", "description.txt"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(BadInput, match=f"has no {name}"):
        hypatia.read_folder(folder)


@pytest.mark.parametrize("name", ["tles.txt", "ground_stations.txt", "isls.txt", "description.txt"])
def test_a_file_that_is_not_text_is_named(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"\xff\xfe\x00\x01" * 8)
    with pytest.raises(BadInput, match=f"{name} is not UTF-8 text"):
        hypatia.read_folder(folder)


def test_a_folder_that_is_not_there_or_a_file_is_refused(folder: Path) -> None:
    with pytest.raises(BadInput, match="is not there"):
        hypatia.read_folder(folder / "nowhere")
    with pytest.raises(BadInput, match="is a file"):
        hypatia.read_folder(folder / "tles.txt")


def test_windows_line_ends_and_a_byte_order_mark_are_read(folder: Path) -> None:
    for path in folder.iterdir():
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert hypatia.read_folder(folder).satellites == 96
