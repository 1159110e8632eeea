"""`openleo fleet sky`: what hides a dish's sky, in words and drawn."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dish_fleet import Fleet, dish_fleet, dish_name
from openleo.cli._main import exit_code_of
from openleo.dish.reading import messages
from openleo.fleet.why.sky import Sky, sky_of
from openleo.ground.masks import single_building

SIZE = 123
MIDDLE = SIZE // 2


def reply(frame: int = 1) -> Any:
    """A map with an oblong hidden in the east: rows run from north to south, columns from west to east."""
    y, x = np.mgrid[MIDDLE : -MIDDLE - 1 : -1, -MIDDLE : MIDDLE + 1]
    inside = np.hypot(x, y) <= MIDDLE
    sky = np.where(inside, 1.0, -1.0)
    sky[(x > 20) & (np.abs(y) < 10) & inside] = 0.0
    return messages().DishGetObstructionMapResponse(
        num_rows=SIZE, num_cols=SIZE, snr=sky.ravel().tolist(), max_theta_deg=80.0, map_reference_frame=frame
    )


def test_the_map_says_how_much_is_hidden_and_towards_where() -> None:
    values = np.array(reply().snr)
    sky = sky_of(reply())
    assert sky.hidden_share == pytest.approx((values == 0).sum() / (values >= 0).sum())
    assert sky.towards == "to the east, down to 10 degrees"
    assert "mostly to the east" in sky.words


def test_a_picture_is_a_map_north_up_and_as_round_as_characters_let_it() -> None:
    lines = list(sky_of(reply()).picture())
    assert lines[0].strip() == "N"
    assert lines[-1].strip() == "S"
    middle = lines[len(lines) // 2]
    assert middle[0] == "W"
    assert middle[-1] == "E"
    cells = middle[2:-2]
    assert len(cells) == 41
    assert set(cells[: len(cells) // 2]) == {"."}
    assert set(cells[-10:]) == {"#"}
    assert not any("#" in line[: len(line) // 2] for line in lines)
    assert lines[1].strip(" .") == "", "the sky is round: nothing stands in the corners"
    assert len(lines[1].strip()) < 20


def test_without_the_earths_frame_nothing_is_said_of_north() -> None:
    sky = sky_of(reply(frame=2))
    assert sky.towards == ""
    assert not set("NESW") & set("".join(sky.picture()))
    assert "does not say where north is" in sky.legend()


@pytest.mark.parametrize("rows", [0, 2, 9])
def test_a_map_that_is_not_whole_tells_nothing(rows: int) -> None:
    sky = sky_of(messages().DishGetObstructionMapResponse(num_rows=rows, num_cols=rows, snr=[1.0]))
    assert sky == Sky(0, 0)
    assert sky.hidden_share is None
    assert sky.words == "nothing is known of its sky yet"


@pytest.fixture(scope="module")
def walled() -> Iterator[Fleet]:
    """A dish with a wall 50 degrees high to its south, which has seen all of its sky."""
    wall = single_building(azimuth_rad=math.pi, distance_m=10.0, width_m=20.0, height_m=12.0)
    with dish_fleet(horizon_rad=wall.elevation_rad[None, :]) as fleet:
        y, x = np.mgrid[-MIDDLE : MIDDLE + 1, -MIDDLE : MIDDLE + 1]
        seen = np.packbits((np.hypot(x, y) <= MIDDLE).ravel(), bitorder="little")
        fleet.dishes.sky.seen[0, : len(seen)] = seen
        fleet.set()
        yield fleet


def sky(capsys: pytest.CaptureFixture[str], *args: object, code: int = 0) -> str:
    assert exit_code_of(["fleet", "sky", *map(str, args)]) == code
    out, err = capsys.readouterr()
    return out if code == 0 else err


def test_a_wall_is_drawn_where_it_stands(walled: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    lines = sky(capsys, "--dish", walled.address()).splitlines()
    assert "mostly to the south" in lines[0]
    drawn = lines[3:24]
    assert not any("#" in line for line in drawn[:10])
    assert "#" in drawn[18]
    assert lines[-1].startswith("# hidden, . clear")


def test_a_kit_is_drawn_by_its_name_once_its_dish_is_polled(
    walled: Fleet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kits = tmp_path / "kits.csv"
    kits.write_text(f"kit,terminal,site\nKIT-1,{dish_name(0)},Mill\nKIT-2,{dish_name(1)},Quay\n")
    for command in (
        ["import", kits], ["add", walled.address(), "--kit", "KIT-1"], ["once"],
    ):  # fmt: skip
        assert exit_code_of(["fleet", *map(str, command), "--data", str(tmp_path)]) == 0
    capsys.readouterr()
    told = json.loads(sky(capsys, "mill", "--data", tmp_path, "--format", "json"))
    assert told["towards"].startswith("to the south")
    assert told["hidden_share"] == pytest.approx(0.1, abs=0.08)
    assert len(told["snr"]) == told["rows"] * told["columns"] == SIZE**2
    err = sky(capsys, "KIT-2", "--data", tmp_path, code=1)
    assert "Quay" in err
    assert "is not polled from here" in err
    assert "openleo fleet add ADDRESS --kit KIT-2" in err


def test_who_is_no_dish_is_said_to_be_none(capsys: pytest.CaptureFixture[str]) -> None:
    err = sky(capsys, "--dish", "127.0.0.1:1", code=1)
    assert "nothing listens there as a dish does" in err
    assert exit_code_of(["fleet", "sky"]) == 2
    assert exit_code_of(["fleet", "sky", "KIT-1", "--source", "127.0.0.1"]) == 2
