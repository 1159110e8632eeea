"""Two- and three-line sets: what is read, and what is said of what cannot be."""

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sgp4.alpha5 import to_alpha5

from openleo.base.errors import BadInput
from openleo.orbits.tle import alpha5, checksum, parse_lines, parse_tle_text

# Vanguard 1 and satellite 06251, from "Revisiting Spacetrack Report #3" (2006), appendix D.
VANGUARD = (
    "1 00005U 58002B   00179.78495062  .00000023  00000-0  28098-4 0  4753",
    "2 00005  34.2682 348.7242 1859667 331.7664  19.3264 10.82419157413667",
)
DELTA = (
    "1 06251U 62025E   06176.82412014  .00008885  00000-0  12808-3 0  3985",
    "2 06251  58.0579  54.0425 0030035 139.1568 221.1854 15.56387291  6774",
)


def with_checksum(line: str) -> str:
    return line[:68] + str(checksum(line))


def renumbered(pair: tuple[str, str], field: str) -> list[str]:
    return [with_checksum(line[:2] + field + line[7:]) for line in pair]


def text_of(*lines: str) -> str:
    return "\n".join(lines) + "\n"


def test_every_field_of_a_set_is_read_in_radians_and_minutes() -> None:
    sets = parse_tle_text(text_of(*VANGUARD)).sets
    assert sets.name == ("5",)
    assert sets.designator == ("1958-002B",)
    assert sets.catalogue_number[0] == 5
    assert sets.epoch[0] == np.datetime64("2000-06-27T18:50:19.733568", "ns")
    assert sets.bstar[0] == 2.8098e-5
    assert sets.eccentricity[0] == 0.1859667
    # The package's own reading of the same lines (its test suite, VANGUARD_ATTRS).
    assert sets.inclination_rad[0] == pytest.approx(0.5980929187319208, abs=1e-15)
    assert sets.raan_rad[0] == pytest.approx(6.08638547138321, abs=1e-14)
    assert sets.argument_of_perigee_rad[0] == pytest.approx(5.790416027488515, abs=1e-14)
    assert sets.mean_anomaly_rad[0] == pytest.approx(0.3373093125574321, abs=1e-15)
    assert sets.mean_motion_rad_min[0] == pytest.approx(0.04722944544077857, abs=1e-16)
    assert sets.epoch_jd_day[0] == 2451722.5
    assert sets.epoch_jd_fraction[0] == pytest.approx(0.78495062, abs=1e-16)


@pytest.mark.parametrize(
    "name_line", ["VANGUARD 1", "0 VANGUARD 1", "VANGUARD 1              ", " VANGUARD 1"]
)
def test_a_name_line_is_read_with_and_without_a_leading_zero(name_line: str) -> None:
    assert parse_tle_text(text_of(name_line, *VANGUARD)).sets.name == ("VANGUARD 1",)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\n\n", "\r\n\r\n"])
def test_line_ends_blank_lines_and_comments_do_not_matter(ending: str) -> None:
    text = ending.join(["# a comment", "DELTA", *DELTA, *VANGUARD])
    result = parse_tle_text(text)
    assert result.sets.name == ("DELTA", "5")
    assert result.problems == ()


@pytest.mark.parametrize(
    ("field", "number"),
    [
        ("E8493", 148493),
        ("J2931", 182931),
        ("P4018", 234018),
        ("W1928", 301928),
        ("Z9999", 339999),
        ("A0000", 100000),
    ],
)
def test_alpha5_catalogue_numbers_are_those_of_space_track(field: str, number: int) -> None:
    assert parse_tle_text(text_of(*renumbered(DELTA, field))).sets.catalogue_number[0] == number


@given(st.integers(0, 339_999))
def test_alpha5_reads_what_the_sgp4_package_writes(number: int) -> None:
    assert alpha5(to_alpha5(number)) == number


@pytest.mark.parametrize(
    "field", ["I0000", "O0000", "a0000", "A000", "-0001", "     ", "1 234", "É0000", "²0000"]
)
def test_what_is_no_catalogue_number_is_refused(field: str) -> None:
    with pytest.raises(ValueError, match="not a number"):
        alpha5(field)


def changed(which: int, start: int, new: str, *, fix: bool = True) -> list[str]:
    lines = list(DELTA)
    line = lines[which - 1]
    line = line[:start] + new + line[start + len(new) :]
    lines[which - 1] = with_checksum(line) if fix else line
    return lines


@pytest.mark.parametrize(
    ("lines", "line", "reason"),
    [
        (changed(1, 20, "9", fix=False), 1, "checksum mismatch: the line ends in '5', its sum is"),
        (changed(2, 10, "9", fix=False), 2, "checksum mismatch"),
        ([DELTA[0][:-1], DELTA[1]], 1, "line 1 has 68 characters, not 69"),
        ([DELTA[0], DELTA[1] + " 0"], 2, "line 2 has 71 characters, not 69"),
        ([DELTA[0]], 1, "line 1 without a line 2"),
        ([DELTA[1]], 1, "line 2 without a line 1"),
        ([DELTA[0], DELTA[0], DELTA[1]], 1, "line 1 without a line 2"),
        ([DELTA[0], renumbered(DELTA, "06252")[1]], 2, "catalogue number '06252' does not match '06251'"),
        (changed(2, 8, " 5x.0579"), 2, "inclination ' 5x.0579' is not a number"),
        (changed(2, 8, "     nan"), 2, "inclination '     nan' is not a number"),
        (changed(2, 26, "00e0035"), 2, "eccentricity '00e0035' is not seven digits"),
        (changed(2, 52, "15,56387291"), 2, "mean motion '15,56387291' is not a number"),
        (changed(1, 53, " 1280x-3"), 1, "BSTAR ' 1280x-3' is not a number"),
        (changed(1, 18, "06000.82412014"), 1, "day 0 is not a day of 2006"),
        (changed(1, 18, "06366.82412014"), 1, "day 366 is not a day of 2006"),
        (changed(1, 18, "06-76.82412014"), 1, "is not a year and day"),
        (changed(1, 62, "4"), 1, "SGP4-XP"),
        (changed(1, 17, "X"), 1, "column 18 of line 1 is 'X', not blank"),
        (changed(2, 8, "-58.0579"), 1, "inclination -58.0579 deg is not within 0 and 180"),
        (changed(2, 52, " 0.00000000"), 1, "mean motion 0.0 revolutions a day is not within 0 and 20"),
        (changed(2, 52, "17.50000000"), 1, "the perigee is 131 km below the surface"),
        (["hello", "DELTA"], 1, "no element lines follow this line"),
        (["<p>404 Not Found</p>"], 1, "no element lines follow this line"),
    ],
)
def test_a_bad_line_is_named_with_its_number_and_reason_and_the_good_one_stays(
    lines: list[str], line: int, reason: str
) -> None:
    result = parse_tle_text(text_of(*lines, "VANGUARD", *VANGUARD))
    assert result.sets.name[-1] == "VANGUARD"
    assert result.problems[0].line == line
    assert reason in str(result.problems[0])


def test_the_number_of_the_first_line_can_be_given() -> None:
    lines = changed(1, 20, "9", fix=False)
    result = parse_tle_text(text_of(*lines, *VANGUARD), first_line=2)
    assert result.problems[0].line == 2


def test_hypatias_generated_sets_are_read() -> None:
    # What satgenpy writes: epoch day 1 of 2000 and the designator 00000ABC.
    lines = [
        "Kuiper-630 0",
        with_checksum("1 00001U 00000ABC 00001.00000000  .00000000  00000-0  00000+0 0    0"),
        with_checksum("2 00001  51.9000   0.0000 0000001   0.0000   0.0000 14.80000000    0"),
    ]
    sets = parse_tle_text(text_of(*lines)).sets
    assert sets.name == ("Kuiper-630 0",)
    assert sets.epoch[0] == np.datetime64("2000-01-01T00:00:00", "ns")
    assert sets.eccentricity[0] == 1e-7


def test_of_two_sets_with_one_number_the_newest_stays() -> None:
    older = changed(1, 18, "06170.82412014")
    for order in ([*older, *DELTA], [*DELTA, *older]):
        result = parse_tle_text(text_of(*order))
        assert result.duplicates == 1
        assert len(result.sets) == 1
        assert result.sets.epoch[0] == np.datetime64("2006-06-25T19:46:43.980096", "ns")


def test_nothing_usable_is_bad_input_that_says_what_was_wrong_and_what_to_bring() -> None:
    with pytest.raises(BadInput) as caught:
        parse_tle_text(text_of(*changed(1, 20, "9", fix=False)))
    assert "line 1: checksum mismatch" in caught.value.detail
    assert "TLE, 3LE or OMM" in caught.value.hint
    with pytest.raises(BadInput, match="holds no element sets"):
        parse_tle_text("# nothing but a comment\n")


GOOD = text_of("VANGUARD", *VANGUARD, "DELTA", *DELTA)


@given(position=st.integers(0, len(GOOD) - 1), byte=st.integers(0, 255))
def test_one_corrupted_byte_leaves_good_sets_or_a_named_problem(position: int, byte: int) -> None:
    text = GOOD[:position] + chr(byte) + GOOD[position + 1 :]
    records, problems = parse_lines(text)
    assert records or problems
    if len(records) < 2:
        assert all(p.line is not None and p.reason for p in problems)
        assert problems
    for record in records:  # whatever was taken is what was written, names aside
        assert record[3:] in {r[3:] for r in parse_lines(GOOD)[0]} or checksum_blind(text, position)


def checksum_blind(text: str, position: int) -> bool:
    """Letters, points, spaces and plus signs count nothing in a checksum, so swaps of them pass unseen."""
    uncounted = set(GOOD[position] + text[position]) - set("123456789-")
    return len(uncounted) == 2 or GOOD[position] == text[position]


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused_but_never_crashes(text: str) -> None:
    with contextlib.suppress(BadInput):
        parse_tle_text(text)


def test_a_name_goes_with_the_line_that_was_left_without_its_second() -> None:
    """The next set, which has no name line of its own, is called by its number."""
    lines = [
        "FIRST",
        "1 44713U 19074A   22336.47699629  .00001505  00000+0  11993-3 0  9994",
        "1 44057U 19010A   22257.20365923  .00000199  00000+0  48632-3 0  9993",
        "2 44057  87.9123 141.9130 0002574  59.6606 300.4780 13.16594606171036",
    ]
    result = parse_tle_text("\n".join(lines))
    assert result.sets.name == ("44057",)
    assert [p.line for p in result.problems] == [2]
