"""Lists of who may be served in a country, and of who may not be served at all."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal

import numpy as np

from openleo.policy.codes import DisablementCode
from openleo.policy.rule import By, Numbers, Rule
from openleo.policy.timeline import Slots, TimedRule, holds_in, timed


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AccessList:
    """Terminals (sorted uint32 numbers) and accounts that are let in or kept out in [from_slot, until_slot).

    "allow": in ``countries`` (None: everywhere) only those on a list that holds there are served; others are
    NO_ACTIVE_ACCOUNT.  "block": those on it are ACCOUNT_DISABLED, in ``countries`` (None: everywhere).
    ``why`` is the reason, for people.
    """

    id: str
    effect: Literal["allow", "block"]
    terminals: Numbers | None = None
    accounts: tuple[str, ...] = ()
    countries: tuple[str, ...] | None = None
    from_slot: int | None = None
    until_slot: int | None = None
    why: str = ""
    source: str = ""
    since: str = ""
    until: str = ""


def flatten_lists(lists: Iterable[AccessList], slot: int) -> tuple[Rule, ...]:
    """Return the rules of the lists that hold in a slot.

    Allow-lists of one country add up.  A rule is called after its lists: ``list/ID``, ``list/ID+ID``; the one
    for a block-list's accounts is ``list/ID/accounts`` where it has terminals too.
    """
    now = [one for one in lists if holds_in(slot, one.from_slot, one.until_slot)]
    allow = [one for one in now if one.effect == "allow"]
    rules = [rule for one in now if one.effect == "block" for rule in _blocked(one)]
    everywhere = tuple(one for one in allow if one.countries is None)
    named = tuple(dict.fromkeys(code for one in allow for code in one.countries or ()))
    places: dict[tuple[AccessList, ...], list[str]] = {}
    for code in named:
        holding = tuple(one for one in allow if one.countries is None or code in one.countries)
        places.setdefault(holding, []).append(code)
    rules += [_unlisted(holding, tuple(codes), elsewhere=False) for holding, codes in places.items()]
    if everywhere:
        rules.append(_unlisted(everywhere, named or None, elsewhere=True))
    return tuple(rules)


def list_rules(lists: Sequence[AccessList], slots: Slots) -> tuple[TimedRule, ...]:
    """Return the rules of lists over slots (first and last), each for as long as it stays the same."""
    changes = (slot for one in lists for slot in (one.from_slot, one.until_slot))
    return timed(lambda slot: flatten_lists(lists, slot), changes, slots)


def _blocked(one: AccessList) -> Iterable[Rule]:
    has_terminals = one.terminals is not None and len(one.terminals) > 0
    told: dict[str, Any] = {"why": one.why, "source": one.source, "since": one.since, "until": one.until}
    if has_terminals:
        yield Rule(
            id=f"list/{one.id}", by=By.BLOCK, code=DisablementCode.ACCOUNT_DISABLED, terminals=one.terminals,
            countries=one.countries, **told,
        )  # fmt: skip
    if one.accounts:
        yield Rule(
            id=f"list/{one.id}/accounts" if has_terminals else f"list/{one.id}", by=By.BLOCK,
            code=DisablementCode.ACCOUNT_DISABLED, accounts=one.accounts, countries=one.countries, **told,
        )  # fmt: skip


def _unlisted(lists: Sequence[AccessList], countries: tuple[str, ...] | None, *, elsewhere: bool) -> Rule:
    """Return the rule for those on none of these allow-lists."""
    first = lists[0]
    numbers = [one.terminals for one in lists if one.terminals is not None]
    same = len(lists) == 1
    return Rule(
        id=f"list/{'+'.join(one.id for one in lists)}", by=By.ALLOW, code=DisablementCode.NO_ACTIVE_ACCOUNT,
        countries=countries, elsewhere=elsewhere and countries is not None,
        terminals=reduce(np.union1d, numbers, np.zeros(0, np.uint32)).astype(np.uint32), unlisted=True,
        except_accounts=tuple(dict.fromkeys(name for one in lists for name in one.accounts)),
        why="; ".join(dict.fromkeys(one.why for one in lists if one.why)),
        source="; ".join(dict.fromkeys(one.source for one in lists if one.source)),
        since=first.since if same else "", until=first.until if same else "",
    )  # fmt: skip
