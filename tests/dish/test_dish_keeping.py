"""What a dish must not forget, over a crash of the process that serves it."""

import os
from pathlib import Path

import numpy as np
import pytest

from dish_fleet import START_S
from openleo.base.errors import BadInput
from openleo.dish import replies
from openleo.dish.inputs import Identity, Seconds
from openleo.dish.keeping import keep, take_up
from openleo.dish.terminal import Dishes


def dishes(*ids: str) -> Dishes:
    return Dishes([Identity(id=name, software="2026.05.26.mr80668") for name in ids], start_s=START_S)


def lived() -> Dishes:
    """Return two dishes of which the second was stowed, updated, restarted, and has seen its sky."""
    made = dishes("a", "b")
    made.stage_update(1, "2026.06.12.mr81164")
    made.command(1, "reboot")
    made.command(1, "stow")
    made.command(0, "power_save", {"start_min": 5, "duration_min": 6, "enable": 1})
    alike = Seconds.alike(START_S, dishes=2, seconds=300)
    fields = {name: getattr(alike, name) for name in alike.__slots__}
    fields["satellite_azimuth_rad"] = np.full((300, 2), 1.0, np.float32)
    fields["satellite_elevation_rad"] = np.linspace(0.3, 1.5, 600, dtype=np.float32).reshape(300, 2)
    made.advance(Seconds(**fields))
    return made


def test_settings_starts_and_sky_last_and_a_crash_counts_as_a_start(tmp_path: Path) -> None:
    before = lived()
    keep(before, tmp_path / "dishes.npz")
    after = dishes("new", "b", "a")  # another order, and one more
    assert take_up(after, tmp_path / "dishes.npz") == 2
    b, a = after.terminal(1), after.terminal(2)
    status = replies.status(b)
    assert status.stow_requested
    assert status.device_info.bootcount == 3  # first, the command, the crash
    assert status.device_info.software_version == "2026.06.12.mr81164"
    assert replies.config(a).power_save_duration_minutes == 6
    assert replies.status(a).device_info.bootcount == 2
    assert replies.history(a).current == 0
    old, new = replies.obstruction_map(before.terminal(0)), replies.obstruction_map(a)
    assert old == new
    assert max(new.snr) == 1.0
    patches = replies.status(before.terminal(0)).obstruction_stats.patches_valid
    assert replies.status(a).obstruction_stats.patches_valid == patches
    assert replies.status(after.terminal(0)).device_info.bootcount == 1


def test_without_a_file_they_begin_anew(tmp_path: Path) -> None:
    assert take_up(dishes("a"), tmp_path / "none.npz") == 0


@pytest.mark.parametrize("cut", [0, 10, 1000])
def test_a_broken_file_is_named_and_nothing_taken_from_it(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "dishes.npz"
    keep(lived(), path)
    path.write_bytes(path.read_bytes()[:cut])
    made = dishes("a", "b")
    with pytest.raises(BadInput, match=r"dishes\.npz"):
        take_up(made, path)
    assert made.boot_count.tolist() == [1, 1]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "dishes.npz"
    keep(lived(), path)
    whole = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        keep(dishes("z"), path)
    assert path.read_bytes() == whole
    assert list(tmp_path.iterdir()) == [path]
