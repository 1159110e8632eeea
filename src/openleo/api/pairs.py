"""The second of two people in one request: who they are, and what both signed."""

from typing import Annotated

from pydantic import Field, SecretStr

from openleo.api.calls import Services
from openleo.api.shapes import Sent, Signature
from openleo.control.pairs import Pair


class PairIn(Sent):
    """Both signatures over `to_sign`, and the token of the second person.

    The first signs `propose\\n` (of terminals: the verb) and the text, the second `approve\\n` and the text.
    """

    first_signature: Signature
    second_signature: Signature
    second_token: Annotated[SecretStr, Field(max_length=200)]


async def pair_of(at: Services, given: PairIn | None) -> Pair | None:
    """Return the pair, its second person known; raises NotKnown."""
    if given is None:
        return None
    token = given.second_token.get_secret_value()
    second = await at.aside(lambda: at.plane.authenticate(token))
    return Pair(second=second, first_signature=given.first_signature, second_signature=given.second_signature)
