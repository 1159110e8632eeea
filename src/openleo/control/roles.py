"""Roles, and what each lets its holder do.  docs/authorization.md shows this table."""

from collections.abc import Mapping

from openleo.base.errors import BadInput, did_you_mean

# Every act that is authorised, and what it means to a person.
ACTIONS: Mapping[str, str] = {
    "network.read": "see the network as it runs: cells, satellites, gateways, how terminals fare",
    "area.read": "see areas, their switches and cells",
    "area.define": "make areas and change their cells, validity and exceptions",
    "area.emergency": "switch an area off alone, for an hour",
    "request.new": "ask for an area to be switched, and withdraw that",
    "request.read": "read requests, what-ifs and what was said about them",
    "request.review": "remark on requests",
    "decide.propose": "propose to grant a request",
    "decide.approve": "approve what another proposed; confirm an emergency",
    "decide.refuse": "refuse a request",
    "decide.observe": "say what a vendor was sent, acknowledged and did",
    "claim.read": "read claims",
    "claim.write": "record what outsiders say",
    "terminal.read": "see terminals, without their positions; of the fleet without phones and notes",
    "terminal.position": "read an exact position; each reading is recorded",
    "terminal.onboard": "add terminals, make claim codes, accept keys",
    "terminal.ship": "write the chain of custody",
    "terminal.activate": "activate, suspend and resume terminals",
    "terminal.revoke": "revoke terminals and mark them captured",
    "fleet.act": "tell real dishes what to do, many at once; save filters of the fleet; see phones there",
    "account.read": "see accounts, plans, service lines and lists",
    "account.write": "make accounts, plans, service lines and lists",
    "account.status": "disable an account, and restore it",
    "incident.read": "see incidents",
    "log.read": "read decisions whole, with who and why",
    "log.disclose": "disclose entries to outsiders; set embargoes",
    "person.read": "see people, roles and who may do what",
    "person.write": "add people, their tokens and keys",
    "grant.write": "give roles and take them back",
    "store.manage": "back up, restore and check the store",
}

ROLES: Mapping[str, tuple[str, ...]] = {
    "owner": tuple(ACTIONS),
    "operator": (
        "network.read",
        "area.read", "area.define", "area.emergency", "request.new", "request.read", "request.review",
        "decide.propose", "decide.refuse", "decide.observe", "claim.read", "claim.write", "terminal.read",
        "terminal.activate", "fleet.act", "account.read", "incident.read", "log.read",
    ),
    "approver": (
        "network.read",
        "area.read", "request.read", "request.review", "decide.approve", "decide.refuse", "claim.read",
        "terminal.read", "account.read", "log.read",
    ),
    "requester": ("network.read", "area.read", "request.new"),
    "logistics": (
        "network.read", "area.read", "terminal.read", "terminal.onboard", "terminal.ship", "account.read",
    ),
    "billing": ("account.read", "account.write", "account.status", "terminal.read"),
    "security": (
        "network.read",
        "area.read", "terminal.read", "terminal.position", "terminal.activate", "terminal.revoke",
        "terminal.ship", "incident.read", "claim.read",
    ),
    "auditor": (
        "network.read",
        "area.read", "request.read", "claim.read", "terminal.read", "account.read", "incident.read",
        "log.read", "log.disclose", "person.read",
    ),
    "viewer": ("network.read", "area.read", "claim.read", "terminal.read"),
}  # fmt: skip

# A role that holds one of these is given by two people: who could give one half of a pair alone, to a name of
# their own making, would be both halves of it.
TWO_PERSON_ACTIONS = frozenset({"decide.propose", "decide.approve", "area.emergency", "grant.write"})


def find_role(name: str) -> tuple[str, ...]:
    """Return the actions of a role; raises BadInput with the nearest names."""
    if name not in ROLES:
        raise BadInput(f"there is no role {name!r}", did_you_mean(name, ROLES))
    return ROLES[name]


def needs_two(role: str) -> bool:
    """Tell whether a role is given by two people."""
    return bool(TWO_PERSON_ACTIONS & set(find_role(role)))


def roles_with(action: str) -> tuple[str, ...]:
    """Return the roles that hold an action; raises BadInput for an unknown one."""
    if action not in ACTIONS:
        raise BadInput(f"there is no action {action!r}", did_you_mean(action, ACTIONS))
    return tuple(role for role, actions in ROLES.items() if action in actions)
