"""`openleo sites` lists what a scenario can name."""

import csv
import io
from pathlib import Path

import pytest

from openleo.cli._main import exit_code_of
from openleo.ground.sites import BUILT_IN_DAY, load_gateways, load_pops


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    code = exit_code_of(["sites", *args])
    out, err = capsys.readouterr()
    return code, out, err


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("args", [(), ("gateways",)])
def test_every_gateway_is_listed(capsys: pytest.CaptureFixture[str], args: tuple[str, ...]) -> None:
    code, out, err = run(capsys, *args)
    assert (code, err) == (0, "")
    assert out.startswith("219 gateways, as of 2023-10-10\n")
    assert all(name in out for name in load_gateways().name)
    table = rows(run(capsys, *args, "--format", "csv")[1])
    assert [row["name"] for row in table] == list(load_gateways().name)


def test_points_of_presence_have_a_code(capsys: pytest.CaptureFixture[str]) -> None:
    table = rows(run(capsys, "pops", "--format", "csv")[1])
    assert [(row["name"], row["code"]) for row in table] == list(
        zip(load_pops().name, load_pops().code, strict=True)
    )


def test_near_a_place_the_nearest_come_first_with_their_distance(capsys: pytest.CaptureFixture[str]) -> None:
    table = rows(run(capsys, "gateways", "--near", "Kyiv", "--format", "csv")[1])
    away = [float(row["distance_km"]) for row in table]
    assert away == sorted(away)
    assert (table[0]["name"], table[0]["country"]) == ("Kaunas", "LT")
    assert 640 < away[0] < 680
    assert "nearest to Kyiv,UA first" in run(capsys, "gateways", "--near", "Kyiv")[1]


def test_of_one_country(capsys: pytest.CaptureFixture[str]) -> None:
    table = rows(run(capsys, "--country", "tr", "--format", "csv")[1])
    assert [row["name"] for row in table] == ["Muallim"]


def test_a_country_without_any_is_refused_with_what_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--country", "UK")[::2] == (
        1,
        "error: the table has none in country 'UK'\n"
        "hint: did you mean GB? --near PLACE lists the nearest anywhere\n",
    )


def test_a_table_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.csv").write_text("name,latitude_deg,longitude_deg\nMine,1,2\n")
    assert run(capsys, "--table", str(tmp_path / "mine.csv"))[1].startswith("1 gateway\n")


def test_the_day_of_the_table_is_that_of_its_rows() -> None:
    path = Path(load_gateways.__code__.co_filename).parent / "data" / "gateways.csv"
    with path.open(encoding="utf-8") as file:
        assert {row["date_of_fact"] for row in csv.DictReader(file)} == {str(BUILT_IN_DAY)}
