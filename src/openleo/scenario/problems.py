"""Telling people what is wrong with a scenario: key, value, what, and what to do."""

import re
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ValidationError

from openleo.base.errors import BadInput, did_you_mean
from openleo.scenario.fields import utc_text

SHOWN = 8  # mistakes named at once
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake: where, what is wrong, and the fix."""

    path: Path
    what: str
    fix: str
    value: object = None
    has_value: bool = False

    @property
    def key(self) -> str:
        """The path as people write it: ``faults[2].until``."""
        return key_of(self.path)


def problem(path: Path, what: str, fix: str, *value: object) -> Problem:
    """Make a problem; with a fourth argument, it shows that value."""
    return Problem(path=path, what=what, fix=fix, value=value[0] if value else None, has_value=bool(value))


def key_of(path: Path) -> str:
    """Write a path as ``faults[2].until``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "the scenario"


def bad_input(problems: Sequence[Problem], *, origin: str, text: str = "") -> BadInput:
    """Make one error of all problems, in the order of the file, eight of them spelled out."""
    lines = [line_of(p.path, text) for p in problems]
    order = sorted(range(len(problems)), key=lambda n: (lines[n] or 0, n))
    told = [_tell(problems[n], lines[n]) for n in order]
    if len(problems) == 1:
        return BadInput(f"{origin}: {told[0]}", problems[0].fix)
    shown = [f"  {sentence}; {problems[n].fix}" for sentence, n in zip(told, order, strict=True)][:SHOWN]
    if len(problems) > SHOWN:
        shown.append(f"  and {len(problems) - SHOWN} more")
    return BadInput(
        "\n".join([f"{origin} has {len(problems)} mistakes:", *shown]),
        "mend these and try again; docs/scenarios.md explains every key",
    )


def _tell(p: Problem, line: int | None) -> str:
    where = f"line {line}: {p.key}" if line else p.key
    return f"{where} {f'= {_show(p.value)} ' if p.has_value else ''}{p.what}".replace(" : ", ": ", 1)


def _show(value: object) -> str:
    if isinstance(value, datetime) and value.tzinfo is not None:
        text = utc_text(value)
    else:
        text = value.isoformat() if hasattr(value, "isoformat") else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


# Pydantic's error types, as what is wrong and what to do.
_WORDS = {
    "missing": ("is missing", "add it"),
    "string_type": ("should be text", 'put it in quotes: "..."'),
    "string_too_short": ("is empty", "fill it in or leave the key out"),
    "float_type": ("should be a number", "write it without quotes"),
    "int_type": ("should be a whole number", "write it without quotes or fraction"),
    "bool_type": ("should be true or false", "write true or false without quotes"),
    "finite_number": ("should be a finite number", "write a number"),
    "model_type": ("should be a table", "write it as a [table] or { inline = table }"),
    "dict_type": ("should be a table", "write it as a [table] or { inline = table }"),
    "tuple_type": ("should be a list", "write it in brackets: [ ... ]"),
    "model_attributes_type": ("should be a table", "write it as a [table] or { inline = table }"),
}
_BOUNDS = {
    "greater_than": ("gt", "should be more than"),
    "greater_than_equal": ("ge", "should be at least"),
    "less_than": ("lt", "should be less than"),
    "less_than_equal": ("le", "should be at most"),
    "too_short": ("min_length", "should have at least this many entries:"),
    "too_long": ("max_length", "should have at most this many entries:"),
    "string_too_long": ("max_length", "should have at most this many characters:"),
}


def problems_of(error: ValidationError, document: Mapping[str, Any], model: type[BaseModel]) -> list[Problem]:
    """Translate pydantic's findings; one per key, as a union reports each of its members."""
    found: dict[Path, Problem] = {}
    for item in error.errors(include_url=False):
        path = _path_in(document, item["loc"])
        if path not in found:
            found[path] = _translate(path, dict(item), model)
    return list(found.values())


def _path_in(document: object, loc: tuple[str | int, ...]) -> Path:
    """Return the part of a pydantic location that is in the document: it adds names of union members."""
    here, path = document, []
    for n, part in enumerate(loc):
        if isinstance(here, Mapping) and (part in here or n == len(loc) - 1):
            path.append(part)
            here = here.get(part)
        elif isinstance(here, list | tuple) and isinstance(part, int) and part < len(here):
            path.append(part)
            here = here[part]
        elif isinstance(here, list | tuple) and isinstance(part, int):
            break
    return tuple(path)


def _translate(path: Path, item: dict[str, Any], model: type[BaseModel]) -> Problem:
    kind, context, value = str(item["type"]), item.get("ctx") or {}, item["input"]
    if kind == "extra_forbidden":
        table = key_of(path[:-1]) if path[:-1] else "the top level"
        return problem(
            path, f"is not a key of {table}", did_you_mean(str(path[-1]), keys_at(model, path[:-1]))
        )
    if kind == "missing":
        return problem(path, *_WORDS[kind])
    if kind == "literal_error":
        options = re.findall(r"'([^']*)'", str(context.get("expected", ""))) or [str(context.get("expected"))]
        return problem(path, "is not one of the choices", did_you_mean(str(value), options), value)
    if kind == "value_error":
        what, _, fix = str(context["error"]).partition("; ")
        return problem(path, what, fix or "correct it", value)
    if kind == "string_pattern_mismatch":
        fix = "use letters, digits, dots, hyphens and underscores, and begin with a letter or digit"
        return problem(path, "has characters that cannot be used here", fix, value)
    if kind in _BOUNDS:
        bound, words = _BOUNDS[kind]
        return problem(
            path, f"{words} {context[bound]}", _order_of(path) or "choose a value in that range", value
        )
    what, fix = _WORDS.get(kind, (f"does not fit: {item['msg']}", "see docs/scenarios.md"))
    return problem(path, what, fix, value)


def _order_of(path: Path) -> str:
    """Return how the two numbers of a position are ordered, where the path leads into one."""
    if "outline" in path:
        return "corners of an outline are [longitude, latitude]: swapped?"
    return "positions are [latitude, longitude]: swapped?" if {"points", "waypoints"} & set(path) else ""


def keys_at(model: type[BaseModel], path: Path) -> list[str]:
    """Return the keys that a table at this path may have."""
    here: type[BaseModel] | None = model
    for part in path:
        if isinstance(part, int) or here is None:
            continue
        field = next((f for n, f in here.model_fields.items() if part in {n, f.alias}), None)
        here = _model_in(field.annotation) if field else None
    return [f.alias or n for n, f in here.model_fields.items()] if here else []


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((m for a in typing.get_args(annotation) if (m := _model_in(a)) is not None), None)


_HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_.\"'-]+)\s*\]\]?")
_KEY = re.compile(r"^\s*([A-Za-z0-9_.-]+)\s*=")


def line_of(path: Path, text: str) -> int | None:
    """Return the 1-based line of a TOML text that sets ``path``, or the nearest table that holds it.

    A reading of headers and keys at the start of lines; None where nothing on the path is found.
    """
    best, best_line = 0, None
    here: Path = ()
    counts: dict[Path, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            here = tuple(part.strip("\"'") for part in header[2].split("."))
            if header[1] == "[[":
                counts[here] = counts.get(here, -1) + 1
                here = (*here, counts[here])
            at = here
        elif key := _KEY.match(line):
            at = (*here, *key[1].split("."))
        else:
            continue
        if len(at) > best and at == path[: len(at)]:
            best, best_line = len(at), number
    return best_line
