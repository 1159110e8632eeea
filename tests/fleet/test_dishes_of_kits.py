"""Which kit a dish is: by the list of kits, by a person's word, and by what the dish says."""

from pathlib import Path

import pytest
from hostile_dish import PlayedDish, in_thread

from openleo.cli._main import exit_code_of
from openleo.fleet.register import Register

Capture = pytest.CaptureFixture[str]
UTS = [f"ut01000000-00000000-0000000{n}" for n in (1, 2)]


def test_a_kit_learns_its_terminal_from_the_dish_that_it_is(tmp_path: Path, capsys: Capture) -> None:
    data, kits = ["--data", str(tmp_path)], tmp_path / "kits.csv"
    kits.write_text("kit,site\nK-1,roof\n")
    assert exit_code_of(["fleet", "import", str(kits), *data]) == 0
    with in_thread(PlayedDish(UTS[0]).lived(100)) as dish:
        assert exit_code_of(["fleet", "add", dish.address, "--kit", "k-1", *data]) == 0
        assert "it is kit K-1 at roof" in capsys.readouterr().out
        assert exit_code_of(["fleet", "once", *data]) == 0
    kits.write_text("kit,terminal,site\nK-1,,roof\n")
    assert exit_code_of(["fleet", "import", str(kits), *data]) == 0
    assert "0 changed" in capsys.readouterr().out
    assert exit_code_of(["fleet", "why", "roof", *data]) == 0
    assert "online" in capsys.readouterr().out
    assert exit_code_of(["fleet", "add", "127.0.0.1:2", "--kit", "K-3", *data]) == 1
    assert "did you mean K-1?" in capsys.readouterr().err


def test_a_list_with_addresses_is_all_that_it_takes(tmp_path: Path, capsys: Capture) -> None:
    data, kits = ["--data", str(tmp_path)], tmp_path / "kits.csv"
    with in_thread(PlayedDish(UTS[0]).lived(100)) as dish:
        head = "kit,site,held by,phone,dish reachable at\n"
        rows = f"K-1,roof,Olena,+380 1,{dish.address}\nK-2,yard,,,127.0.0.1:2\n"
        kits.write_text(f"{head}{rows}K-3,shed,,,192.168.100.1\nK-4,pier,,,5 High St\n")
        assert exit_code_of(["fleet", "import", str(kits), *data]) == 0
        told = capsys.readouterr().out
        assert "2 dishes new to be asked: openleo fleet once --data" in told
        assert "line 4: every dish has 192.168.100.1" in told
        assert "line 5: '5 High St'" in told
        assert "4 new, 0 changed, 0 as they were, 0 wrong" in told
        assert exit_code_of(["fleet", "once", *data]) == 0
        assert "yard" in capsys.readouterr().out
        assert exit_code_of(["fleet", "why", "K-1", *data]) == 0
        told = capsys.readouterr().out
        assert "online" in told
        kits.write_text(f"{head}K-1,roof,Olena,+380 1,{dish.address}\nK-2,yard,,,127.0.0.1:3\n")
        assert exit_code_of(["fleet", "import", str(kits), *data]) == 0
        assert "K-2: asked at 127.0.0.1:3, no longer at 127.0.0.1:2" in capsys.readouterr().out
    assert exit_code_of(["fleet", "list", *data]) == 0
    told = capsys.readouterr().out
    assert "Olena, +380 1" in told
    assert "127.0.0.1:2" not in told
    assert exit_code_of(["fleet", *data]) == 0
    assert (
        f"next: ask the dish of one of them: `openleo fleet once --data {tmp_path}`"
        in capsys.readouterr().out
    )


def test_no_dish_is_lost_where_two_change_places_or_one_takes_anothers(
    tmp_path: Path, capsys: Capture
) -> None:
    data, kits, head = ["--data", str(tmp_path)], tmp_path / "kits.csv", "kit,site,address\n"

    def given(rows: str) -> str:
        kits.write_text(head + rows)
        assert exit_code_of(["fleet", "import", str(kits), *data]) == 0
        return capsys.readouterr().out

    def asked() -> dict[str, str]:
        with Register(tmp_path / "fleet") as register:
            return {dish.kit: dish.address for dish in register.dishes()}

    given("K-1,roof,10.0.0.1\nK-2,yard,10.0.0.2\n")
    told = given("K-1,roof,10.0.0.2\nK-2,yard,10.0.0.1\n")
    assert "K-1: asked at 10.0.0.2, no longer at 10.0.0.1" in told
    assert asked() == {"K-1": "10.0.0.2", "K-2": "10.0.0.1"}
    assert "asked at" not in given("K-1,roof,10.0.0.2\nK-2,yard,10.0.0.1\n")
    assert "K-1: no longer asked" in given("K-3,pier,10.0.0.2\n")
    assert asked() == {"K-3": "10.0.0.2", "K-2": "10.0.0.1"}
    assert exit_code_of(["fleet", "add", "10.0.0.9", "--timeout", "0.1", *data]) == 0
    capsys.readouterr()
    assert exit_code_of(["fleet", "list", *data]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("10.0.0.9"))
    assert line.split() == ["10.0.0.9"], "it is nobody's"


def test_a_kit_is_not_taken_for_another(tmp_path: Path, capsys: Capture) -> None:
    data, kits = ["--data", str(tmp_path)], tmp_path / "kits.csv"
    kits.write_text(f"kit,terminal\nK-1,{UTS[0]}\nK-2,\n")
    assert exit_code_of(["fleet", "import", str(kits), *data]) == 0
    with in_thread(PlayedDish(UTS[0]).lived(100)) as dish:
        assert exit_code_of(["fleet", "add", dish.address, "--kit", "K-2", *data]) == 1
    assert f"is {UTS[0]}, which is kit K-1" in capsys.readouterr().err
    kits.write_text("kit,terminal\nK-3,127.0.0.1:9200\n")
    assert exit_code_of(["fleet", "import", str(kits), *data]) == 1
    assert "is an address, not a terminal" in capsys.readouterr().out


def test_a_list_of_kits_is_no_dish(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "kits.csv").write_text("kit\nK-1\n")
    assert exit_code_of(["fleet", "add", str(tmp_path / "kits.csv"), "--data", str(tmp_path)]) == 1
    assert "openleo fleet import" in capsys.readouterr().err
