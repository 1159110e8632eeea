"""The summary counts every terminal-hour once, and says it in words."""

import shlex
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from openleo.base.clock import SLOT_S, slot_start
from openleo.results.execute import simulate
from openleo.results.folder import RunFolder
from openleo.results.run import Run, open_run
from openleo.results.summary import Summary, summary_of
from openleo.results.summary_text import summary_lines
from openleo.scenario.model import Scenario
from openleo.snapshot.causes import Cause


@pytest.fixture(scope="module")
def summary(small_run: Run) -> Summary:
    return summary_of(small_run)


def test_online_and_dark_are_all_of_the_time(small_run: Run, summary: Summary) -> None:
    total = len(small_run.terminals) * len(small_run.slots) * SLOT_S / 3600
    assert sum(group.hours for group in summary.dark) + summary.online * total == pytest.approx(total)


def test_dark_terminals_are_counted_with_rule_or_fault(small_run: Run, summary: Summary) -> None:
    found = {(g.cause, g.rule >= 0, g.fault >= 0): g for g in summary.dark}
    unpaid = found[Cause.ACCOUNT_DISABLED, True, False]
    assert (unpaid.terminals, unpaid.throughout) == (4, 4)
    assert unpaid.hours == pytest.approx(4 * 24 * SLOT_S / 3600)
    lost = found[Cause.NO_GATEWAY, False, True]
    assert small_run.faults["name"][lost.fault] == "both-lost"
    assert (lost.from_slot, lost.until_slot) == (small_run.first_slot + 16, small_run.first_slot + 20)


def test_a_fault_is_told_with_before_and_after(summary: Summary) -> None:
    lost = next(f for f in summary.faults if f.name == "both-lost")
    assert lost.online == 0.0
    assert (lost.most, lost.most_slot) == (45, lost.from_slot), "all but the four whose account is disabled"
    assert lost.is_before
    assert lost.otherwise > 0.5
    assert lost.dark[0][0] == Cause.NO_GATEWAY


def test_a_faults_worst_slot_is_of_what_it_caused(small_run: Run, summary: Summary) -> None:
    mains = next(f for f in summary.faults if f.name == "mains")
    by_slot = [
        small_run.dark(slot_start(slot)).filter(
            (pl.col("fault") == "mains") & (pl.col("online_seconds") == 0)
        )
        for slot in range(small_run.first_slot, small_run.until_slot)
    ]
    counts = [len(dark) for dark in by_slot]
    assert mains.most == max(counts) > 0
    assert mains.most_slot == small_run.first_slot + counts.index(max(counts))


def test_the_recipe_of_the_page_gives_the_summarys_hours(small_run: Run, summary: Summary) -> None:
    page = (Path(__file__).parents[2] / "docs" / "results.md").read_text(encoding="utf-8")
    recipe = page.partition("### How long it was dark")[2].split("```python\n")[1].split("```")[0]
    names: dict[str, Any] = {"run": small_run, "pl": pl}
    exec(recipe, names)
    hours = dict(names["hours"].rows())
    for cause in {group.cause for group in summary.dark}:
        mine = sum(group.hours for group in summary.dark if group.cause == cause)
        assert hours.pop(int(cause)) == pytest.approx(mine)
    assert not hours


def test_the_worst_slot_and_what_stands_out_in_it(small_run: Run, summary: Summary) -> None:
    assert summary.worst_online == 0.0
    assert summary.worst_cause == Cause.NO_GATEWAY
    assert summary.worst_slot == small_run.first_slot + 16


def test_the_example_was_dark_then(small_run: Run, summary: Summary) -> None:
    assert summary.example is not None
    terminal, slot = summary.example
    line = small_run.timeline(terminal).row(slot - small_run.first_slot, named=True)
    assert (line["cause"], line["online_s"]) == ("NO_GATEWAY", 0)


def test_what_to_type_is_whole_words_to_a_shell(small_run: Run, summary: Summary, tmp_path: Path) -> None:
    folder = tmp_path / "my $HOME run"
    shutil.copytree(small_run.path, folder)
    run = open_run(folder)
    lines = list(summary_lines(run, summary))
    assert shlex.split(lines[-2].removeprefix("next"))[:4] == [
        "openleo",
        "explain",
        str(folder),
        "--terminal",
    ]
    typed, _, _ = lines[-1].removeprefix("on a page").partition(", then open")
    assert shlex.split(typed) == ["openleo", "serve", "--replay", str(folder)]
    assert shlex.split(RunFolder(folder).resume_command) == ["openleo", "run", str(folder), "--resume"]


def test_the_words_begin_with_what_it_is_and_end_with_what_to_type(small_run: Run, summary: Summary) -> None:
    lines = list(summary_lines(small_run, summary))
    assert lines[0].startswith("SIMULATION")
    assert lines[-2].split("next")[1].strip().startswith(f"openleo explain {small_run.path} --terminal ")
    assert lines[-1].startswith("on a page   openleo serve --replay ")
    text = "\n".join(lines)
    assert "ACCOUNT_DISABLED  4 terminals, 0.4 h, the whole run" in text
    assert "4 terminals, 0.4 h, the whole run; rule account/unpaid-2: the bill was not paid" in text
    assert "those passing through too" in text
    assert "both-lost (gateway" in text


def test_nobody_dark_is_said_too(small_scenario: Scenario, small_run: Run) -> None:
    document = small_scenario.document() | {"faults": (), "assumptions": ()}
    document["terminals"] = [
        {**group, "obstructed_share": None} for group in document["terminals"] if group["name"] == "fixed"
    ]
    from openleo.scenario.model import scenario_from

    made = simulate(scenario_from(document, origin="bright"), small_run.path.parent / "bright")
    lines = list(summary_lines(made, summary_of(made)))
    assert "dark        nobody, at any time" in lines
    assert any("online 100%" in line for line in lines)
