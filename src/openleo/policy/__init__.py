"""Who may be served: disablement codes and the immutable rules that give them."""

from openleo.policy.codes import EXPLANATIONS, DisablementCode
from openleo.policy.rules import NO_RULE, SEA, By, Rule, Rules, Subjects, decide_reference, make_rules

__all__ = [
    "EXPLANATIONS",
    "NO_RULE",
    "SEA",
    "By",
    "DisablementCode",
    "Rule",
    "Rules",
    "Subjects",
    "decide_reference",
    "make_rules",
]
