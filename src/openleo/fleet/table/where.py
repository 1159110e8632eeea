"""Choosing rows of the fleet's table by words: ``dark and version=2026.11.* and not site=Lviv``.

words    dark, silent, poor, online, never-seen, well, ill, critical, update-waits, by-us
fields   = and != with * for anything, ~ contains; numbers and lengths of time (2h) with < <= > >=
joined   not, and, or, brackets; and binds closer than or
"""

import re
from collections.abc import Callable, Collection, Mapping
from fnmatch import fnmatchcase
from typing import Final

from openleo.base.errors import BadInput, Refused, did_you_mean
from openleo.fleet.table.rows import STATES, Row
from openleo.fleet.why.course import State

Test = Callable[[Row, int], bool]  # a row, and now in Unix ns


def _is_state(state: str) -> Test:
    return lambda row, _: row.state.value == state


WORDS: Final[Mapping[str, Test]] = {
    **{state: _is_state(state) for state in STATES},
    "well": lambda r, _: r.state is State.ONLINE,
    "ill": lambda r, _: r.state not in (State.ONLINE, State.NEVER),
    "critical": lambda r, _: r.life_critical,
    "update-waits": lambda r, _: r.update_waits is True,
    "by-us": lambda r, _: r.by_us,
    "all": lambda r, _: True,
}
MEANS: Final[Mapping[str, str]] = {
    "online": "in service",
    "poor": "in service, and serves badly",
    "dark": "out of service, by what it, its agent or the vendor says",
    "silent": "nothing was heard of it for 3 minutes",
    "never-seen": "nothing was ever heard of it",
    "well": "the same as online",
    "ill": "dark, silent or poor",
    "critical": "lives depend on it",
    "update-waits": "an update waits for a restart",
    "by-us": "its dish is polled from this machine (openleo fleet add), and not only heard of by agents",
    "all": "every terminal",
}
TEXTS: Final[Mapping[str, Callable[[Row], str | None]]] = {
    "terminal": lambda r: r.terminal,
    "kit": lambda r: r.subject.kit,
    "name": lambda r: r.subject.name,
    "site": lambda r: r.site,
    "account": lambda r: r.account,
    "line": lambda r: r.line,
    "holder": lambda r: r.holder,
    "custody": lambda r: r.custody,
    "note": lambda r: r.subject.note,
    "state": lambda r: r.state.value,
    "cause": lambda r: r.cause,
    "version": lambda r: r.version,
    "source": lambda r: r.last.source if r.last else None,
    "country": lambda r: r.last.country if r.last else None,
    "cell": lambda r: None if r.cell is None else f"{r.cell:x}",
}
NUMBERS: Final[Mapping[str, Callable[[Row, int], float | None]]] = {
    "people": lambda r, _: r.subject.people,
    "latency": lambda r, _: r.last.ping_latency_ms if r.last else None,
    "drop": lambda r, _: r.last.ping_drop if r.last else None,
    "down": lambda r, _: r.last.downlink_mbps if r.last else None,
    "up": lambda r, _: r.last.uplink_mbps if r.last else None,
    "ill-for": lambda r, now: None if r.since_ns is None else (now - r.since_ns) / 1e9,
    "unseen-for": lambda r, now: None if r.seen_ns is None else (now - r.seen_ns) / 1e9,
    "down-gb": lambda r, _: r.use.down_bytes / 1e9 if r.use else None,
}
FIELDS: Final = (*TEXTS, *NUMBERS)
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<bracket>[()])|(?P<op>!=|<=|>=|=|~|<|>)|"(?P<quoted>[^"]*)"|(?P<word>[^\s()=!<>~"]+))"""
)
_LENGTH: Final = re.compile(r"(-?\d+(?:\.\d+)?)(s|m|h|d|)", re.ASCII)
_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
_MOST_WORDS: Final = 200
MOST_LETTERS: Final = 1_000


class Closed(Refused):
    """A filter asks about a field that its reader may not know."""

    code = "forbidden"


Token = tuple[str, str]  # kind (bracket, op, quoted, word), text


def read_where(text: str, *, closed: Collection[str] = ()) -> Test:
    """Return the test that a text says; raises BadInput, and Closed where it asks about a closed field."""
    if not text.strip():
        return WORDS["all"]
    return _Reader(_tokens(text), text, closed).whole()


def _tokens(text: str) -> list[Token]:
    if len(text) > MOST_LETTERS:
        raise BadInput(f"a filter of {len(text)} letters is too long", f"at most {MOST_LETTERS}")
    found: list[Token] = []
    at = 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise BadInput(f"the filter cannot be read from {text[at : at + 20]!r} on", _HINT)
        found.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    if len(found) > _MOST_WORDS:
        raise BadInput(f"a filter of {len(found)} words is too long", f"at most {_MOST_WORDS}")
    return found


_HINT: Final = 'write it as: dark and version=2026.11.* and not site="Lviv 2" and ill-for>2h'


class _Reader:
    def __init__(self, tokens: list[Token], text: str, closed: Collection[str]) -> None:
        self._tokens, self._text, self._closed, self._at = tokens, text, closed, 0

    def whole(self) -> Test:
        test = self._either()
        if self._at < len(self._tokens):
            raise self._wrong(f"{self._tokens[self._at][1]!r} stands where 'and' or 'or' would")
        return test

    def _wrong(self, why: str) -> BadInput:
        return BadInput(f"the filter {self._text[:80]!r} cannot be read: {why}", _HINT)

    def _next(self) -> Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _takes(self, word: str) -> bool:
        token = self._next()
        if token is not None and token[0] == "word" and token[1].lower() == word:
            self._at += 1
            return True
        return False

    def _either(self) -> Test:
        tests = [self._both()]
        while self._takes("or"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda r, n: any(test(r, n) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._takes("and"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda r, n: all(test(r, n) for test in tests)

    def _one(self) -> Test:
        if self._takes("not"):
            test = self._one()
            return lambda r, n: not test(r, n)
        token = self._next()
        if token is None:
            raise self._wrong("it ends too soon")
        self._at += 1
        if token == ("bracket", "("):
            inner = self._either()
            if self._next() != ("bracket", ")"):
                raise self._wrong("a bracket is not closed")
            self._at += 1
            return inner
        if token[0] != "word":
            raise self._wrong(f"{token[1]!r} stands where a word would")
        return self._named(token[1].lower())

    def _named(self, name: str) -> Test:
        operator = self._next()
        if operator is None or operator[0] != "op":
            if name in WORDS:
                return WORDS[name]
            if name in FIELDS:
                raise self._wrong(f"{name} needs a value, such as {name}=...")
            raise BadInput(f"a filter has no word {name[:40]!r}", did_you_mean(name, (*WORDS, *FIELDS)))
        self._at += 1
        value = self._next()
        if value is None or value[0] not in ("word", "quoted"):
            raise self._wrong(f"{name}{operator[1]} has no value")
        self._at += 1
        if name in self._closed:
            raise Closed(f"you may not filter by {name}", "that takes fleet.act; filter by another field")
        if name in TEXTS:
            return self._text_test(name, operator[1], value[1])
        if name in NUMBERS:
            return self._number_test(name, operator[1], value[1])
        raise BadInput(f"a terminal has no {name[:40]!r}", did_you_mean(name, FIELDS))

    def _text_test(self, name: str, operator: str, value: str) -> Test:
        told, wanted = TEXTS[name], value.casefold()
        if operator == "~":
            return lambda r, _: wanted in (told(r) or "").casefold()
        if operator not in ("=", "!="):
            raise self._wrong(f"{name} is a text: it goes with = != and ~")
        plain = wanted.replace("[", "[[]").replace("?", "[?]")  # * alone stands for anything
        return lambda r, _: fnmatchcase((told(r) or "").casefold(), plain) == (operator == "=")

    def _number_test(self, name: str, operator: str, value: str) -> Test:
        match = _LENGTH.fullmatch(value)
        if match is None or operator == "~":
            raise self._wrong(f"{name} is a number: {name}>2, or a length of time such as 2h")
        told, limit = NUMBERS[name], float(match[1]) * _SECONDS[match[2]]
        compare = _COMPARE[operator]

        def test(row: Row, now_ns: int) -> bool:
            found = told(row, now_ns)
            return found is not None and compare(found, limit)

        return test


_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
