"""What a witness checks before it vouches for a checkpoint (c2sp.org/tlog-witness, add-checkpoint).

A pure rule: whoever runs one stores what it returns before answering, and in one step with this check.
"""

from collections.abc import Mapping, Sequence

from openleo.base.errors import BadInput, Refused
from openleo.control.log.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint
from openleo.control.log.merkle import EMPTY_ROOT, verify_consistency
from openleo.control.log.note import VerifierKey, parse_note


class WitnessRefused(Refused):
    """The witness does not vouch for this; ``status`` is the HTTP status that the specification gives."""

    status = 400


class UnknownLog(WitnessRefused):
    """No key is known for the checkpoint's origin."""

    code, status = "unknown-log", 404


class NotSigned(WitnessRefused):
    """The log's key did not sign it."""

    code, status = "not-signed", 403


class StaleSize(WitnessRefused):
    """The witness has seen another size than the submitter thinks: submit again from that one."""

    code, status = "stale-size", 409


class SplitView(WitnessRefused):
    """The checkpoint contradicts one that the witness has seen: different people are shown different logs.

    The two signed checkpoints together are the evidence.
    """

    code, status = "split-view", 422


def judge(
    signed: bytes,
    *,
    old_size: int,
    proof: Sequence[bytes],
    keys: Mapping[str, Sequence[VerifierKey]],
    seen: Checkpoint | None,
) -> Checkpoint:
    """Return the checkpoint to remember for its origin, where it extends the one seen; else WitnessRefused.

    ``keys`` are those of each log by its origin; ``seen`` is what the witness remembers of this one.
    """
    origin = parse_checkpoint(parse_note(signed).text).origin
    if origin not in keys:
        raise UnknownLog(f"no key of the log {origin} is known", "add the log's key to the witness")
    try:
        new = open_checkpoint(signed, keys[origin])
    except BadInput as error:
        raise NotSigned(error.detail, error.hint) from error
    known = seen.size if seen else 0
    if not 0 <= old_size <= new.size:
        raise WitnessRefused(f"the old size {old_size} is not within {new.size}", "send the size seen last")
    if old_size != known:
        raise StaleSize(f"this witness has seen {known} entries, not {old_size}", f"prove it from {known}")
    root = seen.root if seen else EMPTY_ROOT
    if not verify_consistency(old=known, new=new.size, old_root=root, new_root=new.root, proof=proof):
        refused = SplitView(
            f"the checkpoint of {origin} of size {new.size} does not extend the one with {known}",
            "keep both: together they show that the log was forked",
        )
        refused.status = 409 if new.size == known else 422
        raise refused
    return new
