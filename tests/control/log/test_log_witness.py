"""What a witness vouches for, and that two copies of one log do not both get past it."""

import random

import pytest
from made_logs import ORIGIN, Log, key

from openleo.base.errors import BadInput
from openleo.control.log import Checkpoint, SplitView, WitnessRefused, judge, sign_checkpoint

KEYS = {ORIGIN: [key().verifier]}
LOG = Log(40, plain=True)
SEEN = LOG.checkpoint(20)


def submit(signed: bytes, old_size: int, proof: list[bytes], seen: Checkpoint | None = SEEN) -> Checkpoint:
    return judge(signed, old_size=old_size, proof=proof, keys=KEYS, seen=seen)


def test_a_log_that_grows_is_vouched_for_at_each_step() -> None:
    seen = None
    for old, new in ((0, 0), (0, 7), (7, 7), (7, 40)):
        seen = submit(LOG.signed(new), old, LOG.tree.consistency(old, new), seen)
        assert seen == LOG.checkpoint(new)


def other_log(size: int) -> bytes:
    other = key(name="other.example.org")
    return sign_checkpoint(Checkpoint(origin="other.example.org", size=size, root=LOG.tree.root(size)), other)


@pytest.mark.parametrize(
    ("signed", "old_size", "proof", "code", "status"),
    [
        (other_log(30), 20, [], "unknown-log", 404),
        (sign_checkpoint(LOG.checkpoint(30), key(seed="another")), 20, [], "not-signed", 403),
        (LOG.signed(19), 20, [], "refused", 400),
        (LOG.signed(30), -1, [], "refused", 400),
        (LOG.signed(30), 19, LOG.tree.consistency(19, 30), "stale-size", 409),
        (LOG.signed(30), 0, [], "stale-size", 409),
        (LOG.signed(30), 20, [], "split-view", 422),
        (Log(20, plain=True, seed="fork").signed(), 20, [], "split-view", 409),
    ],
)
def test_each_refusal_has_the_status_that_the_specification_gives(
    signed: bytes, old_size: int, proof: list[bytes], code: str, status: int
) -> None:
    with pytest.raises(WitnessRefused) as error:
        submit(signed, old_size, proof)
    assert (error.value.code, error.value.status) == (code, status)


def test_what_is_no_checkpoint_is_bad_input() -> None:
    with pytest.raises(BadInput):
        submit(b"checkpoint", 0, [])


def test_a_log_that_begins_anew_is_not_vouched_for() -> None:
    with pytest.raises(WitnessRefused):
        submit(Log(5, plain=True, seed="new").signed(), 0, [])


def test_of_two_forked_copies_the_second_is_caught_at_its_next_submission_100_of_100() -> None:
    """Two copies share a beginning and go on apart, as when a backup is run beside the first."""
    caught = 0
    for number in range(100):
        draw = random.Random(number)
        shared = draw.randint(0, 300)
        one, two = Log(shared, plain=True), Log(shared, plain=True)
        for copy, seed in ((one, "one"), (two, "two")):
            copy.seed = seed
            copy.grow(draw.randint(1, 300))
        last = draw.randint(0, shared)
        seen = judge(one.signed(last), old_size=0, proof=[], keys=KEYS, seen=None)
        seen = judge(one.signed(), old_size=last, proof=one.tree.consistency(last), keys=KEYS, seen=seen)
        old = min(seen.size, two.tree.size)
        try:
            judge(two.signed(), old_size=seen.size, proof=two.tree.consistency(old), keys=KEYS, seen=seen)
        except SplitView:
            caught += 1
        except WitnessRefused as refused:
            caught += refused.status == 400 and two.tree.size < seen.size
    assert caught == 100
