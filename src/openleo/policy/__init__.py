"""Who may be served: disablement codes and the immutable rules that give them."""

from openleo.policy.areas import Area, AreaKind, Switch, area_rules, flatten
from openleo.policy.codes import EXPLANATIONS, DisablementCode
from openleo.policy.lists import AccessList, flatten_lists, list_rules
from openleo.policy.plans import Line, Lines, Plan, line_rules, plan_rules
from openleo.policy.reference import decide_reference
from openleo.policy.rule import SEA, By, LineStatus, Rule
from openleo.policy.rules import NO_RULE, Rules, make_rules
from openleo.policy.subjects import Subjects
from openleo.policy.timeline import TimedRule, timeline

__all__ = [
    "EXPLANATIONS",
    "NO_RULE",
    "SEA",
    "AccessList",
    "Area",
    "AreaKind",
    "By",
    "DisablementCode",
    "Line",
    "LineStatus",
    "Lines",
    "Plan",
    "Rule",
    "Rules",
    "Subjects",
    "Switch",
    "TimedRule",
    "area_rules",
    "decide_reference",
    "flatten",
    "flatten_lists",
    "line_rules",
    "list_rules",
    "make_rules",
    "plan_rules",
    "timeline",
]
