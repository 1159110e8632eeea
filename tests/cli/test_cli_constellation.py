"""`openleo constellation`."""

from pathlib import Path

import numpy as np
import pytest

from openleo.cli._main import exit_code_of
from openleo.orbits.builtin import builtin_names, load_constellation


def test_constellation_lists_each_built_in(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(["constellation"]) == 0
    out = capsys.readouterr().out
    assert [line.split("  ")[0] for line in out.split("\n\n")[0].splitlines()] == list(builtin_names())


def test_info_tells_the_shells_of_a_built_in(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(["constellation", "info", "kuiper-630", "--at", "2026-01-01"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("kuiper-630: 1,156 satellites, 1,156 in service\n")
    assert "epochs       2026-01-01T00:00:00Z\n" in out
    header, row = (line.split() for line in out.split("\n\n")[1].splitlines())
    assert header[0] == "shell"
    assert row[:8] == ["51.9-630", "630.0", "km", "51.90", "deg", "34", "1,156", "1,156"]
    assert "left out" not in out


def test_in_service_is_in_band_and_with_the_payload_as_in_the_tables_of_a_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = load_constellation("starlink-2026", at=np.datetime64("2026-08-22", "ns"))
    serving = int((made.in_service & made.has_ku).sum())
    assert serving < int(made.in_service.sum())
    assert exit_code_of(["constellation", "info", "starlink-2026", "--at", "2026-08-22"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"starlink-2026: {len(made):,} satellites, {serving:,} in service\n")
    assert f"  in band      {int(made.in_service.sum()):,} of" in out
    assert f"  Ku payload   {int(made.has_ku.sum()):,} of" in out
    assert err == ""


def test_a_built_in_at_a_time_far_from_its_own_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(["constellation", "info", "starlink-2026", "--at", "2022-10-07"]) == 0
    err = capsys.readouterr().err
    assert err.startswith("warning: starlink-2026 is the fleet of 2026-08-22, 1415 days from 2022-10-07")


def test_info_says_when_names_are_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "fleet.csv"
    write_omm(path, ["53.2"])
    path.write_text(path.read_text().replace("STARLINK-4003,", ","), encoding="ascii")
    assert exit_code_of(["constellation", "info", str(path)]) == 0
    assert "without a name: 1 satellite, called by catalogue number" in capsys.readouterr().out


def test_info_of_an_unknown_name_gets_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(["constellation", "info", "kuiper-603"]) == 1
    error, hint = capsys.readouterr().err.splitlines()
    assert "kuiper-603" in error
    assert hint.startswith("hint: did you mean kuiper-630?")


def test_info_refuses_a_time_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(["constellation", "info", "kuiper-630", "--at", "yesterday"]) == 1
    assert capsys.readouterr().err.startswith("error: 'yesterday' is not a time\nhint: ")


def write_omm(path: Path, inclinations_deg: list[str]) -> None:
    """Write a CSV of 48 satellites in 4 planes, their inclinations those given, again and again."""
    header = (
        "OBJECT_NAME,OBJECT_ID,EPOCH,MEAN_MOTION,ECCENTRICITY,INCLINATION,RA_OF_ASC_NODE,ARG_OF_PERICENTER,"
        "MEAN_ANOMALY,EPHEMERIS_TYPE,CLASSIFICATION_TYPE,NORAD_CAT_ID,ELEMENT_SET_NO,REV_AT_EPOCH,BSTAR,"
        "MEAN_MOTION_DOT,MEAN_MOTION_DDOT"
    )
    rows = [
        f"STARLINK-{4000 + i},2022-001A,2022-10-06T12:00:00.000000,15.06,0.0001,"
        f"{inclinations_deg[i % len(inclinations_deg)]},{90 * (i // 12)},0.0,{30 * (i % 12)},0,U,{50000 + i},"
        "999,1,0.0001,0,0"
        for i in range(48)
    ]
    path.write_text("\n".join([header, *rows]) + "\n", encoding="ascii")


def test_info_of_a_small_file_tells_its_satellites_and_what_was_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "fleet.csv"
    write_omm(path, ["53.2"] * 47 + ["953.2"])
    assert exit_code_of(["constellation", "info", str(path), "--at", "2022-10-07"]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("fleet.csv: 47 satellites, 47 in service\n")
    assert "generations  v1.5 47" in captured.out
    assert "left out: 1 record;" in captured.out
    assert "953.2" in captured.out.split("left out:")[1]
    assert captured.err == ""

    assert exit_code_of(["constellation", "info", str(path), "--at", "2022-10-17"]) == 0
    assert capsys.readouterr().err.startswith("warning: 47 of 47 element sets are more than 3 days from")


def test_info_of_a_real_file_names_what_was_left_out_and_warns_of_old_elements(
    test_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (test_data / "orbits" / "starlink_2022-09-14.tle").read_text(encoding="ascii").splitlines()
    for index in range(40, 40 + 3 * 12, 3):  # twelve records lose their last digit, the checksum
        lines[index - index % 3 + 1] = lines[index - index % 3 + 1][:-1]
    path = tmp_path / "broken.tle"
    path.write_text("\n".join(lines), encoding="ascii")
    assert exit_code_of(["constellation", "info", str(path), "--at", "2022-10-07"]) == 0
    captured = capsys.readouterr()
    assert "left out: 12 records" in captured.out
    assert "and 2 more: `--problems` shows all" in captured.out
    assert "warning: " in captured.err
    assert "more than 3 days from 2022-10-07T00:00:00Z" in captured.err
    assert exit_code_of(["constellation", "info", str(path), "--problems"]) == 0
    captured = capsys.readouterr()
    assert captured.out.count("  line ") == 12
    assert captured.err == ""
