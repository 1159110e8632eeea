"""docs/collecting.md keeps up with the code."""

import re
from pathlib import Path

from openleo.fleet import collect, look
from openleo.fleet.dish_alerts import CODE_OF_ALERT, CODE_OF_DISABLEMENT
from openleo.fleet.pace import Pace

PAGE = (Path(__file__).parents[2] / "docs" / "collecting.md").read_text(encoding="utf-8")


def test_the_page_has_every_alert_and_refusal_with_its_code() -> None:
    found = {name: int(code) for name, code in re.findall(r"\| ([A-Za-z_0-9]+) \| (\d+) (?=\|)", PAGE)}
    assert found == CODE_OF_ALERT | CODE_OF_DISABLEMENT


def test_the_page_explains_every_kind_of_remark() -> None:
    source = Path(look.__file__).read_text() + Path(collect.__file__).read_text()
    kinds = set(re.findall(r'(?:remark|setdefault|_site|_failed)\((?:look, )?"([a-z-]+)"', source))
    kinds |= set(look.TROUBLES) - {"bug"}
    explained = set()
    for row in re.findall(r"^\| ([a-z, -]+) \| ", PAGE, re.MULTILINE):
        explained |= set(row.split(", "))
    assert kinds - explained - {"bug"} == set()


def test_the_page_tells_the_pace_that_is_kept() -> None:
    pace = Pace()
    assert f"every {pace.steady_s:.0f} s; every {pace.quick_s:.0f} s while the dish is dark" in PAGE
    assert f"every {pace.history_s / 60:.0f} minutes (a dish remembers 15)" in PAGE
    assert f"every {pace.location_s / 60:.0f} minutes; once an hour" in PAGE
    assert pace.denied_s == 3_600
    assert f"up to {pace.most_s / 60:.0f} minutes" in PAGE
