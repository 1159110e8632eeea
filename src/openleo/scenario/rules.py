"""From a scenario's switches, accounts, limits, countries and withdrawals to rules, slot by slot."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from openleo.base.clock import first_slot_from, format_utc, to_datetime64
from openleo.base.errors import BadInput, did_you_mean
from openleo.ground.kinds import find_kind
from openleo.ground.terminals import Terminals
from openleo.policy import SEA, By, DisablementCode, Rule, Rules, TimedRule, timeline
from openleo.scenario.areas import Cells
from openleo.scenario.blocks import LimitBlock, WithdrawalBlock
from openleo.scenario.decisions import Decisions, decided_rules
from openleo.scenario.decisions import Terminals as DecidedTerminals
from openleo.scenario.fields import Spell
from openleo.scenario.model import Scenario

_ACCOUNT_CODES = {
    "disabled": DisablementCode.ACCOUNT_DISABLED,
    "none": DisablementCode.NO_ACTIVE_ACCOUNT,
}
_WITHDRAWAL_CODES = {
    "area": DisablementCode.BLOCKED_AREA,
    "country": DisablementCode.BLOCKED_COUNTRY,
    "account": DisablementCode.ACCOUNT_DISABLED,
    "speed": DisablementCode.MOVING_TOO_FAST_FOR_POLICY,
}


def effective_slot(instant: datetime | None) -> int | None:
    """Return the first slot that starts at or after an instant: when a change at that instant acts."""
    return None if instant is None else first_slot_from(to_datetime64(instant))


def rules_timeline(
    scenario: Scenario,
    *,
    areas: Mapping[str, Cells],
    accounts: Sequence[str],
    countries: Sequence[str],
    too_small: Iterable[str] = (),
    terminals: Terminals,
    slots: tuple[int, int],
) -> tuple[tuple[int, Rules], ...]:
    """Return (effective slot, rules) for the first slot and each later one in which the rules change.

    ``slots`` are the first and last of the run.  ``accounts`` and ``countries`` are the names that subjects'
    indices refer to; ``too_small`` are countries that no cell is of.  Raises BadInput for any other country.

    Where the scenario names a file of decisions, they stand in place of its own countries, switches, accounts
    and limits; what the provider withdrew stays.
    """
    timed = [_unknown_location(), *_withdrawals(scenario, areas)]
    if scenario.decisions.file:
        decisions = Decisions.read(scenario.path(scenario.decisions.file))
        timed += decided_rules(decisions, DecidedTerminals.of(terminals), slots)
    else:
        timed += _own_rules(scenario, areas)
    known = {SEA, *countries, *too_small}
    for item in timed:
        for code in item.rule.countries or ():
            if code not in known:
                raise BadInput(
                    f"rule {item.rule.id}: no land is known for {code!r}", did_you_mean(code, countries)
                )
    return timeline(timed, slots, account_names=accounts, country_names=countries)


def _unknown_location() -> TimedRule:
    return TimedRule(
        rule=Rule(
            id="location/unknown", by=By.LOCATION, code=DisablementCode.UNKNOWN_LOCATION,
            why="one that does not know where it is may be where it is not served",
        ),
        from_slot=None, until_slot=None,
    )  # fmt: skip


def _withdrawals(scenario: Scenario, areas: Mapping[str, Cells]) -> Iterable[TimedRule]:
    for n, withdrawal in enumerate(scenario.withdrawals, start=1):
        yield _timed(withdrawal, _withdrawal(withdrawal, n, areas))


def _own_rules(scenario: Scenario, areas: Mapping[str, Cells]) -> Iterable[TimedRule]:
    yield from _countries(scenario)
    for n, switch in enumerate(scenario.switches, start=1):
        rule = Rule(
            id=f"switch/{switch.name or f'{switch.area}-{n}'}", by=By.AREA, code=DisablementCode[switch.code],
            cells=areas[switch.area], area=switch.area, except_accounts=switch.except_accounts,
            why=switch.why, source=switch.source,
        )  # fmt: skip
        yield _timed(switch, rule)
    for n, account in enumerate(scenario.accounts, start=1):
        if account.status != "active":
            rule = Rule(
                id=f"account/{account.name}-{n}", by=By.ACCOUNT, code=_ACCOUNT_CODES[account.status],
                accounts=(account.name,), why=account.why, source=account.source,
            )  # fmt: skip
            yield _timed(account, rule)
    for n, limit in enumerate(scenario.limits, start=1):
        yield _timed(limit, _limit(limit, n, areas))


def _countries(scenario: Scenario) -> Iterable[TimedRule]:
    block = scenario.countries
    rules = []
    if block.served:
        rules.append(
            Rule(
                id="countries/not-served", by=By.COUNTRY, code=DisablementCode.BLOCKED_COUNTRY,
                countries=(*block.served, SEA), elsewhere=True, why=block.why, source=block.source,
            )
        )  # fmt: skip
    if block.blocked:
        rules.append(
            Rule(
                id="countries/blocked", by=By.COUNTRY, code=DisablementCode.BLOCKED_COUNTRY,
                countries=block.blocked, why=block.why, source=block.source,
            )
        )  # fmt: skip
    if not block.sea:
        rules.append(
            Rule(
                id="countries/sea", by=By.COUNTRY, code=DisablementCode.IN_OCEAN, countries=(SEA,),
                why=block.why, source=block.source,
            )
        )  # fmt: skip
    return (TimedRule(rule=rule, from_slot=None, until_slot=None) for rule in rules)


def _limit(limit: LimitBlock, n: int, areas: Mapping[str, Cells]) -> Rule:
    return Rule(
        id=f"limit/{limit.name or n}", by=By.SPEED, code=DisablementCode[limit.code],
        over_m_s=limit.speed_kmh / 3.6, countries=limit.countries or None,
        cells=areas[limit.area] if limit.area else None, area=limit.area,
        kinds=tuple(find_kind(kind).code for kind in limit.kinds) or None,
        except_accounts=limit.except_accounts, why=limit.why, source=limit.source,
    )  # fmt: skip


def _withdrawal(withdrawal: WithdrawalBlock, n: int, areas: Mapping[str, Cells]) -> Rule:
    by, target = withdrawal.by, withdrawal.target
    name = target if isinstance(target, str) else ""
    return Rule(
        id=f"withdrawal/{withdrawal.name or f'{by}-{n}'}", by=By(by), code=_WITHDRAWAL_CODES[by],
        withdrawn=True, cells=areas[name] if by == "area" else None, area=name if by == "area" else "",
        countries=(name,) if by == "country" else None, accounts=(name,) if by == "account" else None,
        over_m_s=target / 3.6 if isinstance(target, float) else None,
        except_accounts=withdrawal.except_accounts, why=withdrawal.why, source=withdrawal.source,
    )  # fmt: skip


def _timed(spell: Spell, rule: Rule) -> TimedRule:
    since, until = (None if t is None else to_datetime64(t) for t in (spell.from_, spell.until))
    told = replace(
        rule,
        since="" if since is None else format_utc(since),
        until="" if until is None else format_utc(until),
    )
    return TimedRule(rule=told, from_slot=effective_slot(spell.from_), until_slot=effective_slot(spell.until))
