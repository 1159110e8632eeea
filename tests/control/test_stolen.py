"""What a thief can do with a person's token, and without the key that the person signs with."""

from collections.abc import Callable
from typing import Any

import pytest
from control_world import World
from deciding import asked, define, emergency, proposed

from openleo.control.credential import Credential
from openleo.control.keys import BadSignature
from openleo.control.switching import approve, confirm, emergency_off, emergency_text, propose, to_sign

Sign = Callable[[str, str], str]
VERBS: dict[str, Callable[[Any, Sign], object]] = {
    "propose": lambda tx, sign: propose(tx, "r-1", signature=sign("propose", to_sign(tx, "r-1"))),
    "approve": lambda tx, sign: approve(tx, "r-2", signature=sign("approve", to_sign(tx, "r-2"))),
    "confirm": lambda tx, sign: confirm(tx, "r-3", signature=sign("confirm", to_sign(tx, "r-3"))),
    "emergency": lambda tx, sign: emergency_off(
        tx, "fourth", reason="now",
        signature=sign("emergency", emergency_text(tx, "fourth", reason="now")[1]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("key", ["another's", "none", "another verb's"])
def test_a_token_without_its_key_decides_nothing(network: World, verb: str, key: str) -> None:
    for name in ("first", "second", "third", "fourth"):
        define(network, name)
    asked(network, "first", "on")
    asked(network, "second", "on")
    proposed(network, "r-2")
    emergency(network, "third")
    thief = Credential.make("jonas", network.plane.network.origin)
    own = network.credentials["jonas"]
    sign: dict[str, Sign] = {
        "another's": thief.sign, "none": lambda verb, text: "",
        "another verb's": lambda verb, text: own.sign("key", text),
    }  # fmt: skip
    with pytest.raises(BadSignature):
        network.act("jonas", lambda tx: VERBS[verb](tx, sign[key]))
    network.act("jonas", lambda tx: VERBS[verb](tx, own.sign))  # with the key it goes on
