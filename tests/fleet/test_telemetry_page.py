"""docs/telemetry.md keeps up with the code."""

import re
from pathlib import Path

from openleo.api.problems import STATUS
from openleo.fleet.batches import MOST_BYTES, MOST_SAMPLES
from openleo.fleet.intake import Room
from openleo.fleet.page import page
from openleo.snapshot.telemetry import MINUTES, TELEMETRY

TEXT = (Path(__file__).parents[2] / "docs" / "telemetry.md").read_text(encoding="utf-8")


def test_the_page_is_what_the_registry_says() -> None:
    """`make docs` writes it again."""
    assert page(TEXT) == TEXT
    for table in (TELEMETRY, MINUTES):
        for column in table.columns:
            assert f"| `{column.name}` |" in TEXT


def test_the_answers_that_the_page_tells_are_those_that_are_given() -> None:
    rows = re.findall(r"^\| (\d{3}) \| ([a-z, -]+) \|", TEXT, re.MULTILINE)
    told = {code.strip(): int(status) for status, codes in rows for code in codes.split(",")}
    assert {code: STATUS[code] for code in told} == told
    assert {"bad-signature", "revoked", "clock-off", "store-full", "busy", "bad-batch"} <= set(told)


def test_the_limits_that_the_page_tells_are_those_that_hold() -> None:
    room = Room()
    assert f"{MOST_BYTES // 1024} KiB as it travels" in TEXT
    assert f"{MOST_SAMPLES} samples" in TEXT
    assert f"{room.pending_bytes // 1024**2} MiB, of which backfill" in TEXT
    assert f"below {room.late_low_water:.0%} free".replace("%", " %") in TEXT
    assert f"below {room.low_water:.0%} nothing".replace("%", " %") in TEXT
