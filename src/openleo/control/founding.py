"""Making a network's control plane: its store, its log, and the people who own it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from openleo.base.errors import BadInput
from openleo.control.areas import check_name
from openleo.control.credential import Credential, token_hash
from openleo.control.facts import Fact
from openleo.control.ledger import Decision
from openleo.control.network import Network
from openleo.control.plane import SYSTEM, Plane, Tx, utc_now
from openleo.control.schema import tokens
from openleo.control.store import Store, sealed_driver

LEAST_OWNERS = 2


def found_network(
    folder: Path,
    network: Network,
    owners: Mapping[str, str],
    *,
    key: bytes | None = None,
    guard: Path | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> dict[str, Credential]:
    """Make the store and its owners; return a credential for each, which is kept nowhere else.

    ``owners`` are names and the humans behind them: two humans at least, for one alone can switch nothing.
    Raises BadInput, and Refused where the folder holds a store already.
    """
    humans = len(set(owners.values()))
    if humans < LEAST_OWNERS:
        raise BadInput(
            f"a network needs {LEAST_OWNERS} owners who are different people; there is {humans}",
            "name them both: --owner amina --owner jonas",
        )
    for name in owners:
        check_name("a person", name)
    credentials = {name: Credential.make(name, network.origin) for name in owners}
    driver = None if key is None else sealed_driver(key)
    store = Store.create(folder, network, driver=driver, guard=guard)
    plane = Plane(store, clock=clock)
    try:
        plane.act(SYSTEM, lambda tx: _found(tx, owners, list(credentials.values())))
    finally:
        plane.close()
    return credentials


def _found(tx: Tx, owners: Mapping[str, str], credentials: Sequence[Credential]) -> None:
    found = []
    for credential in credentials:
        person = {
            "human": owners[credential.person], "public_key": credential.public_key, "active": True,
            "version": 1,
        }  # fmt: skip
        found.append(Fact(noun="person", id=credential.person, changes=person, new=True))
    for n, credential in enumerate(credentials, start=1):
        grant = {"person_id": credential.person, "role": "owner", "active": True, "version": 1}
        found.append(Fact(noun="grant", id=f"g-{n}", changes=grant, new=True))
    tx.record(
        Decision(
            kind="network.founded", action="found", reason=f"network {tx.network.name}", facts=found,
            also_by=sorted(owners), more={"kind": tx.network.kind.value, "origin": tx.network.origin},
        )
    )  # fmt: skip
    rows = [
        {"id": f"t-{c.person}-1", "person_id": c.person, "hash": token_hash(c.token), "made_at": tx.now}
        for c in credentials
    ]
    tx.conn.execute(tokens.insert(), rows)
