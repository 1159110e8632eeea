"""`openleo path` prints the path between two places, or over time in a Hypatia folder."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from openleo.cli._main import exit_code_of
from openleo.cli.path import command

HEADER = "t_s,rtt_ms,hops,path"


def with_checksum(line: str) -> str:
    return f"{line}{(sum(int(c) for c in line if c.isdigit()) + line.count('-')) % 10}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six planes of eight satellites: Quito and Lima are cut off now and then."""
    planes, per_plane = 6, 8
    lines, isls = [f"{planes} {per_plane}"], []
    for i in range(planes * per_plane):
        plane, slot = divmod(i, per_plane)
        lines += [
            f"Toy {i}",
            with_checksum(f"1 {i + 1:05d}U 00000ABC 00001.00000000  .00000000  00000-0  00000+0 0    0"),
            with_checksum(
                f"2 {i + 1:05d}  53.0000 {plane * 60.0:8.4f} 0000001   0.0000 {slot * 45.0:8.4f}"
                " 14.00000000    0"
            ),
        ]
        isls += [
            f"{i} {plane * per_plane + (slot + 1) % per_plane}",
            f"{i} {(i + per_plane) % (planes * per_plane)}",
        ]
    stations = (
        "0,Quito,-0.180000,-78.470000,0.000000,1274976.6,-6249366.7,-19906.2\n"
        "1,Lima,-12.050000,-77.040000,0.000000,1399195.4,-6079299.3,-1322830.9\n"
    )
    for name, text in {
        "tles.txt": "\n".join(lines),
        "isls.txt": "\n".join(isls),
        "ground_stations.txt": stations,
        "description.txt": "max_gsl_length_m=3400000\nmax_isl_length_m=9000000",
    }.items():
        (tmp_path / name).write_text(text + "\n", encoding="utf-8")
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    code = exit_code_of(["path", *args])
    out, err = capsys.readouterr()
    return code, out, err


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_csv_over_time_has_one_row_for_each_step_from_the_start(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(
        capsys, "Quito", "lima", "--hypatia", str(folder), "--for", "1h", "--every", "10m", "--format", "csv"
    )
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == HEADER
    table = rows(out)
    assert [r["t_s"] for r in table] == ["0.0", "600.0", "1200.0", "1800.0", "2400.0", "3000.0"]
    served = [r for r in table if r["rtt_ms"]]
    assert 0 < len(served) < len(table)  # cut off now and then: the cells are empty, the path says so
    for row in table:
        if row["rtt_ms"]:
            nodes = row["path"].split("-")
            assert (nodes[0], nodes[-1]) == ("48", "49")
            assert int(row["hops"]) == len(nodes) - 1
            assert float(row["rtt_ms"]) > 2 * 1300e3 / 299_792.458
        else:
            assert (row["hops"], row["path"]) == ("", "unreachable")


@pytest.mark.parametrize(
    ("options", "times"),
    [
        ([], ["0.0"]),
        (["--start", "30s"], ["30.0"]),
        (["--for", "300ms", "--every", "100ms"], ["0.0", "0.1", "0.2"]),
        (["--for", "250ms", "--every", "100ms"], ["0.0", "0.1", "0.2"]),
        (["--for", "3s"], ["0.0", "1.0", "2.0"]),
        (["--start", "1.5h", "--for", "1d", "--every", "12h"], ["5400.0", "48600.0"]),
        (["--every", "20s"], ["0.0"]),
    ],
)
def test_the_steps_are_start_for_and_every(
    folder: Path, capsys: pytest.CaptureFixture[str], options: list[str], times: list[str]
) -> None:
    _, out, _ = run(capsys, "0", "1", "--hypatia", str(folder), "--format", "csv", *options)
    assert [r["t_s"] for r in rows(out)] == times


def test_the_same_in_json_and_as_text(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = ["Quito", "Lima", "--hypatia", str(folder), "--for", "1h", "--every", "10m", "--format"]
    table = rows(run(capsys, *args, "csv")[1])
    whole = json.loads(run(capsys, *args, "json")[1])
    assert (whole["from"], whole["to"], whole["simulated"]) == ("Quito (gid 0)", "Lima (gid 1)", True)
    assert whole["epoch"] == "2000-01-01T00:00:00Z"
    for row, step in zip(table, whole["steps"], strict=True):
        assert step["t_s"] == float(row["t_s"])
        assert step["rtt_ms"] == (float(row["rtt_ms"]) if row["rtt_ms"] else None)
        assert step["path"] == ([int(n) for n in row["path"].split("-")] if row["rtt_ms"] else [])
    text = run(capsys, *args, "text")[1].splitlines()
    assert text[0].startswith("Quito (gid 0) to Lima (gid 1), simulated")
    assert len(text) == 2 + len(table)
    assert all(row["path"] in line for row, line in zip(table, text[2:], strict=True))


@pytest.mark.parametrize(
    ("args", "code", "detail", "hint"),
    [
        (["Quto", "Lima"], 1, "has no ground station 'Quto'", "did you mean Quito (gid 0)?"),
        (["Quito", "Quito"], 1, "starts and ends at Quito (gid 0)", "name two ground stations"),
        (["Quito", "Lima", "--every", "0s"], 1, "has no steps", "longer than 0s"),
        (["Quito", "Lima", "--for", "1d", "--every", "1ms"], 1, "86,400,000 steps are more than", "lengthen"),
        (["Quito", "Lima", "--for", "20"], 2, "'20' is not a duration; write it as 100ms", "path --help"),
        (["Quito", "Lima", "--for", "-5s"], 2, "'-5s' is not a duration", "path --help"),
        (["Quito", "Lima", "--start", "99999999d"], 2, "over 366 days", "path --help"),
        (["Quito", "Lima", "--isl", "grid"], 2, "--isl does not go with --hypatia", "path --help"),
        (["Quito", "Lima", "--direct"], 2, "--direct does not go with --hypatia", "path --help"),
    ],
)
def test_mistakes_with_a_folder_are_told_in_two_lines(
    folder: Path, capsys: pytest.CaptureFixture[str], args: list[str], code: int, detail: str, hint: str
) -> None:
    got, out, err = run(capsys, *args, "--hypatia", str(folder))
    assert (got, out) == (code, "")
    lines = err.splitlines()
    assert lines[0].startswith("error: ")
    assert detail in lines[0]
    assert lines[1].startswith("hint: ")
    assert hint in lines[1]


def test_a_link_over_the_limit_is_a_warning_and_not_the_end(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "description.txt").write_text("max_gsl_length_m=2600000\nmax_isl_length_m=1000\n")
    code, out, err = run(capsys, "0", "1", "--hypatia", str(folder), "--format", "csv", "--for", "5s")
    assert code == 0
    assert len(rows(out)) == 5
    assert len(err.splitlines()) == 1
    assert err.startswith("warning: ")
    assert "isls.txt: the link" in err


def test_a_path_between_places_names_each_leg_with_its_length_and_delay(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, err = run(capsys, "Kyiv", "52.23,21.01", "--at", "2022-10-07T17:30:00Z")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "Kyiv, UA to 52.23,21.01 at 2022-10-07T17:30:00Z"
    assert lines[1].startswith("starlink-2022-10: ")
    assert lines[2].startswith("144 gateways (of the 219 in the built-in table, those live as of 2023-10-10)")
    assert lines[4].split() == ["leg", "from", "to", "km", "ms"]
    assert [line.split("  ")[0] for line in lines[5:9]] == ["user link", "feeder link", "fibre", "total"]
    assert lines[-2].startswith("fibre: the great circle times 1.5")
    assert lines[-1].startswith("RTT ")
    assert "simulated" in lines[-1]


@pytest.mark.parametrize(
    ("name", "taken", "exact"),
    [
        ("Stanley", "Stanley,GB", "Stanley,US"),
        ("Port Stanley", "Stanley,FK", "Port Stanley,CA"),
        ("Springfield,US", "Springfield,US", "42.10,-72.59"),
    ],
)
def test_of_places_with_one_name_the_one_that_was_taken_is_told(
    capsys: pytest.CaptureFixture[str], name: str, taken: str, exact: str
) -> None:
    out = run(capsys, name, "52.23,21.01")[1]
    (note,) = [line for line in out.splitlines() if "is taken to be" in line]
    assert f"{name!r} is taken to be {taken} (" in note
    assert f"write '{exact}'" in note


def test_a_place_that_dwarfs_its_namesakes_needs_no_note(capsys: pytest.CaptureFixture[str]) -> None:
    assert "is taken to be" not in run(capsys, "Warsaw", "52.23,21.01")[1]


def test_a_built_in_constellation_far_from_its_date_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "Kyiv", "52.23,21.01", "--at", "2026-08-22T00:00:00Z")
    assert code == 0
    assert err.startswith("warning: starlink-2022-10 is the fleet of 2022-10-07, 1415 days from 2026-08-22")


def test_json_and_csv_add_up_to_the_rtt(capsys: pytest.CaptureFixture[str]) -> None:
    args = [
        "50.45,30.52",
        "40.7,-74.0",
        "--constellation",
        "kuiper-630",
        "--isl",
        "grid",
        "--direct",
        "--format",
    ]
    whole = json.loads(run(capsys, *args, "json")[1])
    legs = rows(run(capsys, *args, "csv")[1])
    assert whole["hops"] == len(whole["legs"]) == len(legs)
    assert 2 * sum(float(leg["delay_ms"]) for leg in legs) == pytest.approx(whole["rtt_ms"], abs=1e-4)
    assert {leg["leg"] for leg in legs} == {"user link", "ISL"}
    assert whole["rtt_ms"] > 2 * 7_500e3 / 299_792_458 * 1e3
    assert whole["reason"] is None


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["-1.29,36.82", "51.5,0"], "none of which sees a gateway"),
        (["50.45,30.52", "51.5,0", "--min-elevation", "89.9"], "sees no satellite that serves terminals"),
        (["50.45,30.52", "-33.9,151.2", "--direct"], "the two ends see no satellite in common"),
    ],
)
def test_where_there_is_no_path_the_first_constraint_that_leaves_none_is_named(
    capsys: pytest.CaptureFixture[str], args: list[str], reason: str
) -> None:
    places, options = args[:2], args[2:]
    code, out, _ = run(capsys, *options, "--", *places)
    assert code == 0
    assert out.splitlines()[-1].startswith("no path: ")
    assert reason in out.splitlines()[-1]
    whole = json.loads(run(capsys, *options, "--format", "json", "--", *places)[1])
    assert (whole["rtt_ms"], whole["hops"], whole["legs"]) == (None, None, [])
    assert reason in whole["reason"]
    assert rows(run(capsys, *options, "--format", "csv", "--", *places)[1]) == []


def test_gateways_may_come_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "mine.csv"
    table.write_text("name,latitude_deg,longitude_deg\nNairobi gateway,-1.3,36.8\n", encoding="utf-8")
    code, out, _ = run(capsys, "--gateways", str(table), "--isl", "none", "--", "-1.29,36.82", "51.5,0")
    assert code == 0
    assert "Nairobi gateway" in out


@pytest.mark.parametrize(
    ("args", "code", "detail"),
    [
        (["1,2", "3,4", "--every", "20s"], 2, "--every needs --hypatia"),
        (["1,2", "3,4", "--start", "0s"], 2, "--start needs --hypatia"),
        (["1,2", "3,4", "--constellation", "starlnk"], 1, "no constellation 'starlnk'"),
        (["1,2", "3,4", "--at", "yesterday"], 1, "'yesterday' is not a time"),
        (["1,2", "95,4"], 1, "'95,4' is not on Earth"),
        (["1,2", "3,4", "--gateways", "nowhere.csv"], 1, "there is no file nowhere.csv"),
        (["1,2"], 2, "Missing argument 'B'"),
    ],
)
def test_mistakes_between_places_are_told(
    capsys: pytest.CaptureFixture[str], args: list[str], code: int, detail: str
) -> None:
    got, out, err = run(capsys, *args)
    assert (got, out) == (code, "")
    assert detail in err.splitlines()[0]
    assert err.splitlines()[1].startswith("hint: ")


def test_old_elements_are_told(test_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    elements = min((test_data / "orbits").glob("*starlink*2022*"))
    code, _, err = run(
        capsys, "50.45,30.52", "52.23,21.01", "--constellation", str(elements), "--at", "2024-01-01T00:00:00Z"
    )
    assert code == 0
    assert err.startswith("warning: ")
    assert "days from 2024-01-01T00:00:00Z" in err


def test_help_needs_no_compiled_code() -> None:
    check = "import sys, openleo.cli.path; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
    assert command.name == "path"


def test_a_reference_folder_prints_hypatias_own_table(
    test_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = test_data / "reference" / "hypatia_kuiper_630"
    theirs = [
        r for r in rows((folder / "rtt_kuiper_630.csv").read_text(encoding="utf-8")) if r["src_gid"] == "18"
    ]
    args = ["Rio de Janeiro", theirs[0]["dst"], "--hypatia", str(folder), "--for", "200s", "--every", "20s"]
    ours = rows(run(capsys, *args, "--format", "csv")[1])
    assert len(ours) == len(theirs) == 10
    for our, their in zip(ours, theirs, strict=True):
        assert (our["t_s"], our["hops"], our["path"]) == (their["t_s"], their["hops"], their["path"])
        assert float(our["rtt_ms"] or 0) == pytest.approx(float(their["rtt_ms"] or 0), abs=0.002)
