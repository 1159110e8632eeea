"""A file of commands: what is wrong with it is said by row, and what is written is read as it was."""

from pathlib import Path

import pytest

from openleo.base.errors import BadInput
from openleo.scenario.commands import Command, Verb, commands_text, read_commands

HEADER = "at,terminal,command,start_minutes,duration_minutes\n"
# A row, and what its error says.
WRONG = [
    ("2022-10-07T12:00:00,a,stow,,", "no time zone"),
    ("yesterday,a,stow,,", "no instant"),
    ("2022-10-07T12:00:00Z,,stow,,", "there is no value"),
    ("2022-10-07T12:00:00Z,a,stowe,,", "no such command"),
    ("2022-10-07T12:00:00Z,a,sleep,,60", "there is no value"),
    ("2022-10-07T12:00:00Z,a,sleep,1440,60", "between 0 and 1439"),
    ("2022-10-07T12:00:00Z,a,sleep,0,0", "between 1 and 1440"),
    ("2022-10-07T12:00:00Z,a,sleep,0,1.5", "not a whole number"),
]


@pytest.mark.parametrize(("row", "what"), WRONG, ids=lambda v: v[:24])
def test_a_wrong_row_is_told_with_its_line(tmp_path: Path, row: str, what: str) -> None:
    file = tmp_path / "commands.csv"
    file.write_text(HEADER + "2022-10-07T12:00:00Z,a,stow,,\n" + row + "\n")
    with pytest.raises(BadInput) as caught:
        read_commands(file)
    assert "line 3" in caught.value.detail
    assert what in caught.value.detail


def test_what_is_written_is_read_as_it_was(tmp_path: Path) -> None:
    commands = (
        Command(91302482, "a", Verb.STOW), Command(91302482, "a", Verb.UNSTOW),
        Command(91302500, "b", Verb.SLEEP, 1320, 480), Command(91302490, "b", Verb.REBOOT),
        Command(91302501, "b", Verb.WAKE),
    )  # fmt: skip
    file = tmp_path / "commands.csv"
    file.write_text(commands_text(commands))
    assert read_commands(file) == commands


def test_a_terminal_that_is_not_there_is_told_with_the_key(tmp_path: Path) -> None:
    from openleo.scenario.load import load_scenario
    from openleo.scenario.world import compile_world
    from small_scenario import small_toml

    (tmp_path / "commands.csv").write_text("at,terminal,command\n2022-10-07T00:01:00Z,nobody,stow\n")
    (tmp_path / "s.toml").write_text(
        small_toml().replace("[gateways]", '[commands]\nfile = "commands.csv"\n[gateways]')
    )
    with pytest.raises(BadInput, match=r"commands\.file: no terminal is called 'nobody'"):
        compile_world(load_scenario(str(tmp_path / "s.toml")))
