"""Measure how often `openleo fleet why` is right on made cases, and write it into docs/why.md.

python docs/write_why.py          # takes some two minutes
python docs/write_why.py fit      # only says which temperature fits the calibration cases best
"""

import math
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "why.md"
sys.path[:0] = [str(ROOT / "tests" / "fleet")]

from cases import made  # noqa: E402
from measure_why import Measured, fitted_temperature, measure  # noqa: E402
from worlds import worlds  # noqa: E402

from openleo.fleet.why import CAUSES  # noqa: E402
from openleo.fleet.why.table import likelihoods  # noqa: E402

CALIBRATION_SEED, TEST_SEED, EACH = 100, 20_261_128, 40
WORLD_SEED, WORLDS = 71, 60
BEGIN, END = "<!-- begin {} -->", "<!-- end {} -->"


def overall(cases: Measured, shifted: Measured) -> str:
    """Compare the cases that the table is calibrated for with those of another world."""
    rows = [
        ("cases with evidence", lambda m: f"{len(m.told):,}"),
        ("true cause first", lambda m: _percent(m.first())),
        ("true cause among the first two", lambda m: _percent(m.first_two())),
        ("a wrong cause named", lambda m: _percent(m.named_wrong())),
        ("not named although there was evidence", lambda m: _percent(m.not_named())),
        ("expected calibration error", lambda m: f"{m.calibration_error():.3f}"),
        ("cases without evidence", lambda m: f"{len(m.untold):,}"),
        ("of them said to be so", lambda m: _percent(m.recognised())),
        ("of them a wrong cause named", lambda m: _percent(m.untold_wrong())),
    ]
    lines = ["| | cases | another world |", "| --- | ---: | ---: |"]
    return "\n".join([*lines, *(f"| {name} | {tell(cases)} | {tell(shifted)} |" for name, tell in rows)])


def by_cause(cases: Measured, shifted: Measured) -> str:
    """Tell the shares by true cause."""
    lines = [
        "| cause | first | first two | another world: cases | first |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for why in CAUSES:
        count = sum(c.truth is why for c, _ in shifted.told)
        lines.append(
            f"| {why.value} | {_percent(cases.first(why))} | {_percent(cases.first_two(why))} | {count} | "
            f"{_percent(shifted.first(why))} |"
        )
    return "\n".join(lines)


def reliability(cases: Measured, shifted: Measured) -> str:
    """Tell how often it was right when it was so sure."""
    lines = [
        "| how sure | cases | mean | right | another world: cases | mean | right |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    left, right = ({b.low: b for b in m.bins()} for m in (cases, shifted))
    for low in sorted({*left, *right}):
        cells = []
        for found in (left, right):
            one = found.get(low)
            cells.append(
                "| 0 | | " if one is None else f"| {one.cases} | {one.confidence:.2f} | {one.right:.2f} "
            )
        lines.append(f"| {low:.1f} to {low + 0.1:.1f} {''.join(cells)}|")
    return "\n".join(lines)


def confusions(cases: Measured, shifted: Measured) -> str:
    """Tell what was most often taken for what."""
    lines = ["| | true cause | taken for | times |", "| --- | --- | --- | ---: |"]
    for name, found in (("cases", cases), ("another world", shifted)):
        lines += [f"| {name} | {a} | {b} | {n} |" for (a, b), n in found.confusions()[:8]]
    return "\n".join(lines)


def _percent(share: float) -> str:
    return "" if math.isnan(share) else f"{share:.1%}"


def main(fit_only: bool) -> None:
    """Measure and write."""
    fitted = fitted_temperature(made(CALIBRATION_SEED, EACH))
    print(f"temperature: {fitted} fits best, {likelihoods().temperature} is used")
    if fit_only:
        return
    cases, shifted = measure(made(TEST_SEED, EACH)), measure(worlds(WORLD_SEED, WORLDS))
    text = PAGE.read_text(encoding="utf-8")
    for write in (overall, by_cause, reliability, confusions):
        begin, end = BEGIN.format(write.__name__), END.format(write.__name__)
        before, rest = text.split(begin)
        text = f"{before}{begin}\n{write(cases, shifted)}\n{end}{rest.split(end)[1]}"
        print(write(cases, shifted), end="\n\n")
    PAGE.write_text(text, encoding="utf-8")
    print(f"wrote {PAGE.name}")


if __name__ == "__main__":
    main(sys.argv[1:] == ["fit"])
