"""Finding a scenario: a built-in by name, or a TOML file by path."""

import re
import tomllib
from importlib.resources import files
from pathlib import Path

from openleo.base.errors import BadInput, did_you_mean
from openleo.scenario.model import Scenario, scenario_from

LARGEST_BYTES = 16 * 1024 * 1024
_DATE_LIKE = re.compile(r"=\s*\d{1,4}[-./ ]\w{1,9}[-./ ]\d")
_BUILTIN = files("openleo.scenario") / "builtin"


def builtin_names() -> tuple[str, ...]:
    """Return the names of the scenarios that come with openleo, sorted."""
    return tuple(sorted(p.name.removesuffix(".toml") for p in _BUILTIN.iterdir() if p.name.endswith(".toml")))


def load_scenario(name_or_path: str | Path) -> Scenario:
    """Return a built-in scenario by name, or the one in a TOML file.

    A file of that path comes before a built-in of that name.  Raises BadInput for a file that is missing,
    empty, not text, over 16 MiB or not TOML, and for up to eight mistakes in it at once, with their lines.
    """
    path = Path(name_or_path).expanduser()
    name = str(name_or_path)
    if not path.exists() and name in builtin_names():
        text = (_BUILTIN / f"{name}.toml").read_text(encoding="utf-8")
        return scenario_from(_parse(text, name), origin=name, text=text)
    text = _read(path)
    return scenario_from(_parse(text, str(path)), origin=str(path), folder=path.resolve().parent, text=text)


def _read(path: Path) -> str:
    if path.is_dir():
        inside = sorted(p.name for p in path.glob("*.toml"))[:5]
        raise BadInput(
            f"{path} is a folder, not a scenario file",
            f"name a file in it: {', '.join(inside)}"
            if inside
            else "name a .toml file or a built-in scenario",
        )
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise BadInput(
                f"{path} is {path.stat().st_size / 2**20:.0f} MiB; a scenario is at most 16 MiB",
                "keep long lists of terminals in a CSV file that the scenario names",
            )
        raw = path.read_bytes()
    except FileNotFoundError:
        near = [*builtin_names(), *(str(p) for p in path.parent.glob("*.toml") if path.parent.is_dir())]
        raise BadInput(f"there is no scenario {str(path)!r}", did_you_mean(str(path), near)) from None
    except OSError as error:
        raise BadInput(
            f"{path} cannot be read: {error.strerror}", "check the path and its permissions"
        ) from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(
            f"{path} is not text: byte 0x{raw[error.start]:02x} at position {error.start} is not UTF-8",
            "name a TOML file saved as UTF-8",
        ) from None
    if not text.strip():
        raise BadInput(f"{path} is empty", "start from a built-in: " + ", ".join(builtin_names()))
    return text


def _parse(text: str, origin: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        hint = "check quotes and brackets there, and that the file is whole; https://toml.io shows the syntax"
        line = re.search(r"at line (\d+)", str(error))
        if line and _DATE_LIKE.search(text.splitlines()[int(line[1]) - 1]):
            hint = "a TOML date is 2026-03-01T00:00:00Z: with two digits each, seconds, and Z for UTC"
        raise BadInput(f"{origin} is not TOML: {error}", hint) from None
