"""A scenario that is wrong is refused with the key, the value and the fix; several mistakes at once."""

import subprocess
import sys
from datetime import UTC, datetime

import pytest

from openleo.base.errors import BadInput
from openleo.scenario import builtin_names, load_scenario

GOOD = """
schema = 1
name = "mine"
start = 2026-03-01T00:00:00Z
end = 2026-03-01T01:00:00Z
[constellation]
use = "starlink-2026"
[[terminals]]
count = 5
country = "UA"
"""


@pytest.fixture
def write(tmp_path):
    def writer(text: str | bytes):
        path = tmp_path / "mine.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return writer


def refusal(path) -> BadInput:
    with pytest.raises(BadInput) as caught:
        load_scenario(path)
    return caught.value


def test_a_few_lines_are_a_scenario(write):
    scenario = load_scenario(write(GOOD))
    assert scenario.start == datetime(2026, 3, 1, tzinfo=UTC)
    assert scenario.network.beams == 16
    assert scenario.detail == "full"


AREA = '\n[[areas]]\nname = "box"\noutline = [[30, 50], [31, 50], [31, 51]]\n'
CASES = [
    # name, what is put in, (old, new) or text added at the end; words of the message; words of the hint
    ("an unknown key", ("name =", "nmae ="), ["nmae", "line 3", "not a key"], ["name"]),
    ("a missing key", ('use = "starlink-2026"', ""), ["constellation.use", "missing"], ["add"]),
    ("an unknown network key", "[network]\nbeems = 3", ["network.beems"], ["beams"]),
    ("a text for a number", '[network]\nbeams = "8"', ["network.beams", "'8'", "whole number"], ["quotes"]),
    ("true for a number", "[network]\nbeams = true", ["network.beams", "whole number"], []),
    ("a number too large", "[network]\nbeams = 1000", ["network.beams", "1000", "at most 256"], []),
    ("not a number", "[network]\nfeeder_gbps = nan", ["network.feeder_gbps"], []),
    ("an unknown preference", '[network]\npreference = "highest"', ["'highest'"], ["highest-elevation"]),
    ("a time in quotes", ("2026-03-01T00:00:00Z", '"yesterday"'), ["start", "yesterday"], []),
    ("a time without zone", ("2026-03-01T00:00:00Z", "2026-03-01T00:00:00"), ["time zone"], ["00:00:00Z"]),
    ("a date for a time", ("2026-03-01T00:00:00Z", "2026-03-01"), ["start", "date"], ["T00:00:00Z"]),
    ("a number for a time", ("2026-03-01T00:00:00Z", "5"), ["start", "5", "not a time"], ["2022-10-07T"]),
    ("an end before the start", ("01:00:00Z", "00:00:00Z"),
     ["end = 2026-03-01T00:00:00Z", "not after start 2026-03-01T00:00:00Z"], ["later"]),
    ("a run too long", ("2026-03-01T01", "2028-03-01T01"), ["end", "731 days"], ["366"]),
    ("no terminals", ('[[terminals]]\ncount = 5\ncountry = "UA"', ""), ["no terminals"], ["[[terminals]]"]),
    ("terminals without count", ("count = 5", ""), ["terminals[0].count", "missing"], ["count"]),
    ("terminals nowhere", ('country = "UA"', ""), ["terminals[0].country"], ["country"]),
    ("an unknown kind", ("count = 5", 'count = 5\nkind = "standrd"'), ["standrd"], ["standard"]),
    ("a dish that must stand still", ("count = 5", 'count = 5\nplace = "roam"\ninside = ["box"]' + AREA),
     ["terminals[0].kind", "stand still"], ["in-motion"]),
    ("a country by name", ('"UA"', '"Ukraine"'), ["terminals[0].country", "Ukraine"], ['"UA"']),
    ("a country nobody knows", ('"UA"', '"Ruritania"'), ["Ruritania"], ["two capital"]),
    ("a country's usual name", ('"UA"', '"UK"'), ["terminals[0].country", "line 10", "'UK'"], ['"GB"']),
    ("a country in small letters", ('"UA"', '"ua"'), ["'ua'"], ['"UA"']),
    ("a date that is no TOML", ("2026-03-01T00:00:00Z", "2026-3-1"), ["line 4"], ["2026-03-01T00:00:00Z"]),
    ("a time without seconds", ("2026-03-01T00:00:00Z", "2026-03-01T00:00Z"), ["line 4"], ["seconds"]),
    ("a date of another form", ("2026-03-01T00:00:00Z", "01.03.2026"), ["line 4"], ["a TOML date is"]),
    ("an outline off the Earth", "[[areas]]\nname='a'\noutline=[[30, 50], [31, 150], [31, 51]]",
     ["areas[0].outline[1][1]", "150"], ["[longitude, latitude]"]),
    ("an unknown area", ("count = 5", 'count = 5\noutside = ["boks"]' + AREA), ["boks"], ["box"]),
    ("a fault's end before its start",
     '[[faults]]\nkind = "core"\nfrom = 2026-03-01T00:30:00Z\nuntil = 2026-03-01T00:20:00Z',
     ["faults[0].until", "line 14"], ["later than from"]),
    ("an unknown fault", '[[faults]]\nkind = "gatway"\ntarget = "x"', ["faults[0].kind"], ["gateway"]),
    ("a fault without target", '[[faults]]\nkind = "gateway"', ["faults[0].target", "missing"], []),
    ("a fibre with one end", '[[faults]]\nkind = "fibre"\ntarget = "x"', ["gateway and a PoP"], []),
    ("a power fault without area", '[[faults]]\nkind = "power"', ["faults[0].area"], []),
    ("an area without shape", '[[areas]]\nname = "a"', ["areas[0]", "no shape"], ["exactly one"]),
    ("an area with two shapes", AREA + 'country = "UA"', ["outline and country"], ["exactly one"]),
    ("two areas of one name", AREA + AREA, ["areas[1].name", "areas[0]"], []),
    ("a switch of no area", '[[switches]]\narea = "x"', ["switches[0].area"], ["none"]),
    ("an assumption nobody made", "[[areas]]\nname = 'a'\ncountry = 'UA'\nassumption = 'b'", ["'b'"], []),
    ("an assumption that changes nothing there is",
     "[[assumptions]]\nid='a'\ntext='t'\nsource='s'\nconfidence='low'\noff={'network.beems'=1}",
     ["assumptions[0].off", "network.beems"], ["beams"]),
    ("a confidence in percent",
     "[[assumptions]]\nid='a'\ntext='t'\nsource='s'\nconfidence='90 %'", ["90 %"], ["high"]),
    ("an unlisted account", ('"UA"', "'UA'\naccount = 'armi'\n[[accounts]]\nname = 'army'"),
     ["armi"], ["army"]),
    ("a speed withdrawn by name",
     "[[withdrawals]]\nby = 'speed'\ntarget = 'fast'", ["withdrawals[0].target"], ["number"]),
    ("a table for a list", "[areas]\nname = 'a'", ["areas", "list"], []),
    ("a list for a table", "[[network]]\nbeams = 3", ["network", "table"], []),
    ("another schema", ("schema = 1", "schema = 2"), ["schema", "2"], ["1"]),
    ("a name with a slash", ('"mine"', '"../mine"'), ["name", "../mine"], ["letters"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "said", "hinted"), CASES, ids=[c[0] for c in CASES])
def test_a_mistake_is_named_with_its_key_and_fix(write, name, change, said, hinted):
    text = GOOD.replace(*change, 1) if isinstance(change, tuple) else GOOD + change
    error = refusal(write(text))
    for words in said:
        assert words in error.detail, name
    for words in hinted:
        assert words in error.hint + error.detail, name


def test_several_mistakes_are_told_at_once_in_the_order_of_the_file(write):
    error = refusal(write(GOOD.replace("name =", "nmae =") + "[network]\nbeams = 0\nchannels = 'x'"))
    lines = error.detail.splitlines()
    assert "4 mistakes" in lines[0]
    assert [word in line for word, line in zip(("beams", "channels"), lines[-2:], strict=True)] == [
        True,
        True,
    ]


def test_many_mistakes_are_counted_beyond_the_first_eight(write):
    error = refusal(write(GOOD + "\n".join(["[network]", *(f"x{n} = 1" for n in range(20))])))
    assert "20 mistakes" in error.detail
    assert "and 12 more" in error.detail


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty", b"", "empty"),
        ("only blanks", b"\n  \n", "empty"),
        ("half a file", GOOD.encode()[:60], "not TOML"),
        ("a quote left open", b'name = "mine', "end of document"),
        ("binary", b"\x7fELF\x02\x01\xff\xfe\x00", "not text"),
        ("zeros", b"\x00" * 64, "not TOML"),
        ("JSON", b'{"name": "mine"}', "not TOML"),
    ],
)
def test_a_file_that_is_no_toml_is_refused_by_what_it_is(write, name, content, said):
    assert said in refusal(write(content)).detail


def test_a_byte_order_mark_does_no_harm(write):
    assert load_scenario(write(b"\xef\xbb\xbf" + GOOD.encode())).name == "mine"


def test_a_folder_is_told_apart_from_a_file(tmp_path):
    (tmp_path / "a.toml").write_text(GOOD)
    error = refusal(tmp_path)
    assert "folder" in error.detail
    assert "a.toml" in error.hint


def test_a_name_that_is_nearly_a_built_in_gets_it_offered():
    error = refusal("ukrain-2022")
    assert "ukraine-2022" in error.hint


def test_the_built_ins_are_named():
    assert builtin_names() == ("kuiper-630", "planet", "ukraine-2022")


@pytest.mark.parametrize("name", builtin_names())
def test_a_built_in_loads_and_says_what_it_is(name):
    scenario = load_scenario(name)
    assert scenario.name == name
    assert scenario.title
    assert scenario.summary


def test_ukraine_2022_says_that_it_is_a_reconstruction_and_holds_25000_terminals():
    scenario = load_scenario("ukraine-2022")
    assert "reconstruction" in scenario.title
    assert "reconstruction" in scenario.summary.lower()
    assert sum(group.count for group in scenario.terminals) == 25_000
    for assumption in scenario.assumptions:
        assert assumption.source
        assert assumption.confidence in {"high", "medium", "low"}


def test_reading_a_scenario_does_not_import_numba():
    code = "import sys; from openleo.scenario import load_scenario; load_scenario('planet'); "
    code += "sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
