"""The table of likelihoods, read from ``likelihoods.toml`` beside this module: that file explains itself."""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from openleo.fleet.why.causes import CAUSES, Why

_LEAST: Final = 0.0004  # nothing is impossible: a value that a row leaves out still happens


@dataclass(frozen=True, slots=True)
class Table:
    """One sign: the log probability of each of its values under each cause, in the order of ``CAUSES``."""

    sign: str
    ask: str
    source: str
    spread: Mapping[Why, Mapping[str, float]]
    log: Mapping[str, tuple[float, ...]]
    why: Mapping[Why, str]

    def between(self, a: Why, b: Why) -> float:
        """Return how well this sign tells two causes apart: the divergence of Jeffreys, in nats."""
        p, q = self.spread[a], self.spread[b]
        return sum((p[v] - q[v]) * math.log(p[v] / q[v]) for v in p)


@dataclass(frozen=True, slots=True)
class Likelihoods:
    """The whole table."""

    temperature: float
    enough: float
    silent: float  # the temperature of one that told nothing in its trouble
    alone: float  # the temperature of one whose neighbours were not looked at
    log_prior: tuple[float, ...]
    tables: Mapping[str, Table]


@cache
def likelihoods() -> Likelihoods:
    """Return the table that ships with openleo."""
    text = files("openleo.fleet.why").joinpath("likelihoods.toml").read_text(encoding="utf-8")
    return read_likelihoods(tomllib.loads(text))


def read_likelihoods(plain: Mapping[str, Any]) -> Likelihoods:
    """Return the table that a parsed file holds.  Raises ValueError where it is not whole."""
    prior = {Why(name): float(p) for name, p in plain["prior"].items()}
    if set(prior) != set(CAUSES) or min(prior.values()) <= 0:
        raise ValueError("[prior] must give each cause a probability above 0")
    total = sum(prior.values())
    tables = [_table(entry) for entry in plain["sign"]]
    if len({t.sign for t in tables}) != len(tables):
        raise ValueError("a sign is there twice")
    return Likelihoods(
        temperature=float(plain["temperature"]),
        enough=float(plain["enough"]),
        silent=float(plain["silent"]),
        alone=float(plain["alone"]),
        log_prior=tuple(math.log(prior[c] / total) for c in CAUSES),
        tables={t.sign: t for t in tables},
    )


def _table(entry: Mapping[str, Any]) -> Table:
    rest, name = entry["rest"], entry["name"]
    usual = _whole(name, rest, rest)
    spread: dict[Why, Mapping[str, float]] = dict.fromkeys(CAUSES, usual)
    why: dict[Why, str] = {}
    for row in entry["rows"]:
        for cause in map(Why, row["causes"]):
            if cause in why:
                raise ValueError(f"{name} has two rows for {cause}")
            spread[cause] = _whole(name, row["spread"], rest)
            why[cause] = row["why"]
    log = {value: tuple(math.log(spread[c][value]) for c in CAUSES) for value in rest}
    return Table(name, entry["ask"], entry["source"], spread, log, why)


def _whole(name: str, told: Mapping[str, float], rest: Mapping[str, float]) -> Mapping[str, float]:
    """Return a spread over all values that sums to 1: what is not told shares what is left as in ``rest``."""
    if not told.keys() <= rest.keys() or sum(told.values()) > 1.05 or min(told.values()) <= 0:
        raise ValueError(f"{name}: {dict(told)} is no spread over {', '.join(rest)}")
    left = max(0.0, 1.0 - sum(told.values()))
    usual = sum(p for v, p in rest.items() if v not in told) or 1.0
    raw = {v: told[v] if v in told else max(_LEAST, left * p / usual) for v, p in rest.items()}
    total = sum(raw.values())
    return {v: p / total for v, p in raw.items()}
