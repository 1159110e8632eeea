"""Derive our own tables of gateways and points of presence from the facts in two community sources.

Run from the repository root:  python experiments/derive_sites.py [FOLDER]
FOLDER (default ``OPENLEO_TEST_DATA`` or ../shared/data) has ``gateways/`` with the files that
docs/ground.md names.  Only facts are taken (what stands where, since when, how many antennas); positions
are rounded, names are put right and made ASCII, and every remark is ours.
"""

import csv
import json
import os
import re
import sys
import unicodedata
from pathlib import Path

MAP_DATE = "2023-10-10"
MAP_SOURCE = f"community map of gateways {MAP_DATE}"
POP_SOURCE = "clarkzjw/starlink-geoip 7e3cd6f"
OUT = Path("src/openleo/ground/data")

# Spelling put right, and towns that say better where a site is.
NAMES = {
    "Montes Carlos": "Montes Claros", "Coviha": "Covilha", "Monterey": "Monterrey", "Cleavdon": "Clevedon",
    "Frankfurt": "Usingen", "Milano": "Milan", "Lunenberg, VT": "Lunenburg, VT",
    "Litchfield CT": "Litchfield, CT", "Sanderson TX": "Sanderson, TX", "Sullivan, Maine": "Sullivan, ME",
    "Willows. QLD, AU": "Willows, QLD, AU", "Debeque, CO": "De Beque, CO",
}  # fmt: skip
OWN_CODE = {"UK": "GB"}  # the map writes UK; ISO 3166 writes GB
TERRITORIES = {"PR", "GU"}  # ISO countries that the map lists among the US states
ISLE_OF_MAN = "Isle of Man"

NOT_GATEWAYS = "TT&C"  # antennas that command satellites and carry no users' traffic
POP_COUNTRIES = {
    "Argentina": "AR", "Australia": "AU", "Bangladesh": "BD", "Brazil": "BR", "Bulgaria": "BG",
    "Canada": "CA", "Chile": "CL", "Colombia": "CO", "Germany": "DE", "Guatemala": "GT", "India": "IN",
    "Indonesia": "ID",
    "Italy": "IT", "Japan": "JP", "Kazakhstan": "KZ", "Kenya": "KE", "Mexico": "MX", "New Zealand": "NZ",
    "Nigeria": "NG", "Oman": "OM", "Peru": "PE", "Philippines": "PH", "Poland": "PL", "Qatar": "QA",
    "Singapore": "SG", "South Africa": "ZA", "Spain": "ES", "UK": "GB", "USA": "US",
}  # fmt: skip
GATEWAY_COLUMNS = (
    "name", "country", "latitude_deg", "longitude_deg", "antennas", "min_elevation_deg",
    "status", "live_from", "date_of_fact", "source", "confidence", "note",
)  # fmt: skip
POP_COLUMNS = (
    "code", "name", "country", "latitude_deg", "longitude_deg", "known_by", "source", "confidence", "note",
)  # fmt: skip


def ascii_name(text: str) -> str:
    text = text.replace("’", "'").replace("ø", "o").replace("Ø", "O")
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().strip()


def name_and_country(label: str) -> tuple[str, str]:
    """'Luz, BR' -> (Luz; BR); 'York, PA | Mega' -> (York; PA); 'Saguenay, QC, CA' -> (Saguenay; QC, CA)."""
    label = label.removeprefix("Possible site: ").split(" | ")[0].split(" / ")[0].split(" (")[0]
    label = NAMES.get(label, label)
    town, *rest = [part.strip() for part in label.split(",")]
    number = " 2" if label.endswith("#2") else ""
    code = rest[-1].removesuffix("#2").strip()
    return NAMES.get(town, town) + number, ", ".join([*rest[:-1], code])


def place(label: str, folder: str) -> tuple[str, str]:
    town, region = name_and_country(label)
    town = ascii_name(NAMES.get(town, town))
    if town.startswith(ISLE_OF_MAN):
        return town, "IM"
    codes = region.split(", ")
    if folder == "North America" and len(codes) == 1 and codes[0] not in TERRITORIES | {"MX", "DO"}:
        return f"{town}, {codes[0]}", "US"  # a US state: the same town name stands in several
    country = OWN_CODE.get(codes[-1], codes[-1])
    return (f"{town}, {codes[0]}" if len(codes) > 1 else town), country


def status(row: dict[str, str]) -> tuple[str, str, str]:
    """Return (status, confidence, note); a text that contradicts the colour wins, for it names a date."""
    colour, text = row["colour_status"], row["text_status"]
    if re.match(r"not buil[dt]", text, re.I):
        drawn = "drawn as live but " if colour == "live" else ""
        seen = text.partition(" as of ")[2]
        return "planned", "low" if drawn else "medium", f"{drawn}said not to stand yet ({seen})"
    if colour == "live":
        if text == "Construction":
            return "planned", "low", "drawn as live but said to be under construction"
        sure = text in ("Live", "Built", "Built | STA", "Grant of Authority")
        return "live", "medium" if sure else "low", "" if sure else "live is presumed"
    if colour == "construction":
        return (
            ("built", "medium", "")
            if text.startswith("Built")
            else ("planned", "medium", "under construction")
        )
    if colour == "no_construction_yet":
        return "planned", "medium", ""
    return "unknown", "low", ""


def gateways(folder: Path) -> list[dict[str, str]]:
    rows = []
    with (folder / "gateways" / "starlink_gateways_pops_2023-10-10.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["folder"].startswith("PoPs") or NOT_GATEWAYS in row["name"]:
                continue
            name, country = place(row["name"], row["folder"])
            state, confidence, note = status(row)
            notes = [note] if note else []
            if "backhaul" in row["name"]:
                notes.append("said to carry backhaul only")
            if not row["ka_antenna_count"]:
                notes.append("antennas assumed")
            if not row["ka_min_elev_deg"]:
                notes.append("minimum elevation assumed")
            filed = row["filing_date"]
            rows.append(
                {
                    "name": name,
                    "country": country,
                    "latitude_deg": f"{float(row['lat']):.2f}",
                    "longitude_deg": f"{float(row['lon']):.2f}",
                    "antennas": row["ka_antenna_count"] or "8",
                    "min_elevation_deg": row["ka_min_elev_deg"] or "25",
                    "status": state,
                    "live_from": "",
                    "date_of_fact": MAP_DATE,
                    "source": MAP_SOURCE + (f"; regulator's filing {filed}" if filed else ""),
                    "confidence": confidence,
                    "note": "; ".join(notes),
                }
            )
    return sorted(rows, key=lambda r: (r["country"], r["name"]))


def pops(folder: Path) -> list[dict[str, str]]:
    """Public points of presence: no ships, staging or test sites, community gateways, or planned ones."""
    with (folder / "gateways" / "starlink_gateways_pops_2023-10-10.csv").open(newline="") as file:
        on_map = [
            (float(row["lat"]), float(row["lon"]))
            for row in csv.DictReader(file)
            if row["folder"].startswith("PoPs") and row["colour_status"] == "pop_or_other_blue"
        ]
    rows: dict[str, dict[str, str]] = {}
    for pop in json.loads((folder / "gateways" / "starlink_pops_clarkzjw.json").read_text()):
        if not pop["show"] or pop.get("type") != "netfac" or not pop["code"]:
            continue
        name = ascii_name(pop["city"])
        unsure = "unknown yet" in pop["note"]
        seen = any(abs(pop["lat"] - lat) < 0.3 and abs(pop["lon"] - lon) < 0.3 for lat, lon in on_map)
        rows.setdefault(
            name,
            {
                "code": pop["code"],
                "name": name,
                "country": POP_COUNTRIES[pop["country"]],
                "latitude_deg": f"{pop['lat']:.1f}".replace("-0.0", "0.0"),
                "longitude_deg": f"{pop['lon']:.1f}".replace("-0.0", "0.0"),
                "known_by": MAP_DATE if seen else "",
                "source": POP_SOURCE,
                "confidence": "low" if unsure else "medium",
                "note": "position of the city" if unsure else "",
            },
        )
    return sorted(rows.values(), key=lambda r: (r["country"], r["name"]))


def write(path: Path, columns: tuple[str, ...], rows: list[dict[str, str]]) -> None:
    names = [r["name"] for r in rows]
    assert len(set(names)) == len(names), sorted(n for n in names if names.count(n) > 1)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{path}: {len(rows)} rows")


def main() -> None:
    default = os.environ.get("OPENLEO_TEST_DATA", "../shared/data")
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else default)
    OUT.mkdir(parents=True, exist_ok=True)
    write(OUT / "gateways.csv", GATEWAY_COLUMNS, gateways(folder))
    write(OUT / "pops.csv", POP_COLUMNS, pops(folder))


if __name__ == "__main__":
    main()
