"""What a terminal is told acts from the slot at or after its time; only that terminal changes."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from engine_worlds import fates, first_slots, made, net_of, ran

from openleo.scenario.faults import BOOT_SLOTS
from openleo.snapshot.causes import Cause

AT = first_slots(20)


def told(tmp_path, *rows, slots=14, start=AT[0], **more):
    """Run with commands (slot, terminal's row, rest of the line); return the causes (T, U)."""
    scenario = made(slots, start=start, **more)
    ids = net_of(scenario).world.terminals.ids
    lines = [f"{when.isoformat()},{ids[who]},{rest}" for when, who, rest in rows]
    file = tmp_path / "commands.csv"
    file.write_text("at,terminal,command,start_minutes,duration_minutes\n" + "\n".join(lines) + "\n")
    net = net_of(scenario.with_changes(changes={"commands.file": str(file)}))
    return np.array([fate.cause for fate in fates(net, ran(net))])


def test_one_that_is_told_to_stow_is_dark_until_it_is_told_to_unstow(tmp_path):
    cause = told(tmp_path, (AT[2], 3, "stow,,"), (AT[6], 3, "unstow,,"))
    assert cause[:, 3].tolist() == [0, 0] + [Cause.STOWED] * 4 + [0] * 8
    assert not np.delete(cause, 3, axis=1).any()


@pytest.mark.parametrize(("late_s", "slot"), [(-14, 2), (0, 2), (1, 3), (15, 3)])
def test_a_command_acts_from_the_first_slot_at_or_after_its_time(tmp_path, late_s, slot):
    cause = told(tmp_path, (AT[2] + timedelta(seconds=late_s), 0, "stow,,"))
    assert (cause[:slot, 0] == 0).all()
    assert (cause[slot:, 0] == Cause.STOWED).all()


def test_a_restart_takes_two_minutes_and_a_stowed_one_is_stowed_again_after_it(tmp_path):
    cause = told(tmp_path, (AT[1], 0, "reboot,,"), (AT[2], 1, "reboot,,"), (AT[3], 1, "stow,,"))
    assert cause[:, 0].tolist() == [0] + [Cause.BOOTING] * BOOT_SLOTS + [0] * 5
    assert cause[:, 1].tolist() == [0, 0] + [Cause.BOOTING] * BOOT_SLOTS + [Cause.STOWED] * 4


def test_commands_of_one_slot_act_in_the_order_of_the_file(tmp_path):
    cause = told(tmp_path, (AT[1], 0, "unstow,,"), (AT[1], 0, "stow,,"), (AT[1], 1, "stow,,"),
                 (AT[1], 1, "unstow,,"))  # fmt: skip
    assert (cause[1:, 0] == Cause.STOWED).all()
    assert not cause[:, 1].any()


# Minutes of sleep, and which of the slots from 23:58:57 on are slept through.
SCHEDULES = [
    ((1439, 1), [0] + [1] * 4 + [0] * 9),  # 23:59 to midnight: 23:59:12 is the first slot in it
    ((1439, 2), [0] + [1] * 8 + [0] * 5),  # over midnight
    ((0, 1), [0] * 5 + [1] * 4 + [0] * 5),
    ((0, 1440), [1] * 14),  # always
    ((720, 60), [0] * 14),
]


@pytest.mark.parametrize(("minutes", "asleep"), SCHEDULES, ids=str)
def test_a_schedule_holds_each_day_also_over_midnight(tmp_path, minutes, asleep):
    start = datetime(2022, 10, 7, 23, 58, 57, tzinfo=UTC)
    cause = told(tmp_path, (AT[0], 0, f"sleep,{minutes[0]},{minutes[1]}"), start=start)
    assert cause[:, 0].tolist() == [Cause.SLEEPING if s else 0 for s in asleep]


def test_one_that_is_told_to_wake_has_no_schedule_any_more(tmp_path):
    cause = told(tmp_path, (AT[0], 0, "sleep,0,1440"), (AT[4], 0, "wake,,"))
    assert cause[:, 0].tolist() == [Cause.SLEEPING] * 4 + [0] * 10


def test_policy_comes_before_what_the_holder_told_it_and_power_before_both(tmp_path):
    off = {"area": "land", "from": AT[8], "until": AT[12]}
    mains = {"kind": "power", "area": "land", "name": "mains", "from": AT[3], "until": AT[5]}
    cause = told(
        tmp_path, (AT[1], 0, "stow,,"), areas=[{"name": "land", "country": "UA"}], faults=[mains],
        switches=[off],
    )  # fmt: skip
    want = [0] + [Cause.STOWED] * 2 + [Cause.POWER_OFF] * 2 + [Cause.BOOTING] * 3
    assert cause[:, 0].tolist() == want + [Cause.CELL_IS_DISABLED] * 4 + [Cause.BOOTING] + [Cause.STOWED]


def test_a_network_prepared_later_knows_what_was_told_before(tmp_path):
    """A run that is gone on with starts in the middle: the state is that of all commands so far."""
    from openleo.engine.terminals import Terminals

    scenario = made(14)
    ids = net_of(scenario).world.terminals.ids
    file = tmp_path / "c.csv"
    file.write_text(
        f"at,terminal,command\n{AT[1].isoformat()},{ids[0]},stow\n{AT[5].isoformat()},{ids[1]},reboot\n"
    )
    net = net_of(scenario.with_changes(changes={"commands.file": str(file)}))
    first = net.world.first_slot
    whole = Terminals(net, first)
    for slot in range(first, first + 10):
        along = whole.advance(slot)
        assert (Terminals(net, slot).advance(slot).cause == along.cause).all(), slot
