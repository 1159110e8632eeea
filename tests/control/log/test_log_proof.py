"""A proof as one file: made from tiles, checked with nothing but the key."""

from pathlib import Path

import pytest
from made_logs import Log, key

from openleo.base.errors import BadInput
from openleo.control.log import TileReader, make_proof, parse_proof, verify_proof
from openleo.control.log.encode import to_base64
from openleo.control.log.proof import Proof

LOG = Log(300, plain=True)
PROOF = make_proof(LOG.tree.read, index=77, size=300, checkpoint=LOG.signed())
TEXT = PROOF.to_bytes()


def test_a_proof_is_written_as_the_specification_says() -> None:
    lines = TEXT.decode().split("\n")
    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 77"]
    assert lines[2] == to_base64(LOG.tree.read(0, 76))
    assert TEXT.endswith(b"\n\n" + LOG.signed())


@pytest.mark.parametrize("extra", [None, b"", b"more"])
def test_a_proof_is_read_as_it_was_written(extra: bytes | None) -> None:
    proof = Proof(index=PROOF.index, path=PROOF.path, checkpoint=PROOF.checkpoint, extra=extra)
    assert parse_proof(proof.to_bytes()) == proof


@pytest.mark.parametrize("index", [0, 77, 255, 256, 299])
def test_a_proof_made_from_tiles_verifies_with_the_key_alone(index: int, tmp_path: Path) -> None:
    LOG.write(tmp_path)
    reader = TileReader(tmp_path, LOG.checkpoint())
    data = make_proof(reader.read, index=index, size=300, checkpoint=LOG.signed()).to_bytes()
    assert verify_proof(parse_proof(data), LOG.entries[index], [key().verifier]) == LOG.checkpoint()


def test_the_only_entry_of_a_log_needs_no_hashes() -> None:
    log = Log(1, plain=True)
    proof = make_proof(log.tree.read, index=0, size=1, checkpoint=log.signed())
    assert verify_proof(parse_proof(proof.to_bytes()), log.entries[0], [key().verifier]).size == 1


def test_a_proof_holds_for_its_entry_and_key_only() -> None:
    with pytest.raises(BadInput, match="is not entry 77"):
        verify_proof(PROOF, LOG.entries[78], [key().verifier])
    with pytest.raises(BadInput, match="and not by"):
        verify_proof(PROOF, LOG.entries[77], [key(seed="another").verifier])


def test_one_changed_bit_anywhere_spoils_a_proof() -> None:
    for at in range(len(TEXT)):
        changed = TEXT[:at] + bytes([TEXT[at] ^ (1 << at % 8)]) + TEXT[at + 1 :]
        with pytest.raises(BadInput):
            verify_proof(parse_proof(changed), LOG.entries[77], [key().verifier])


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        TEXT.replace(b"@v1", b"@v2"),
        TEXT.replace(b"index 77", b"index 077"),
        TEXT.replace(b"index 77\n", b""),
        TEXT.replace(b"index 77\n", b"index 77\nAAAA\n"),
        TEXT.replace(b"index 77\n", b"index 77\n" + b"A" * 43 + b"=\n" * 64),
        TEXT.replace(b"\n", b"\r\n"),
        b"\xff" + TEXT,
        TEXT + b"x" * 2_000_000,
    ],
)
def test_malformed_proofs_are_refused(bad: bytes) -> None:
    with pytest.raises(BadInput):
        parse_proof(bad)
