"""The decision log: signed, append-only, and open to anyone's check, though what it holds stays private."""

from openleo.control.log.audit import Failure
from openleo.control.log.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint, sign_checkpoint
from openleo.control.log.disclosure import (
    Disclosure,
    Embargoed,
    Opening,
    disclose,
    instant_text,
    parse_disclosure,
    write_disclosures,
    write_package,
)
from openleo.control.log.entry import FIELDS_V1, Sealed, opens, seal
from openleo.control.log.files import StorageFailed
from openleo.control.log.guard import (
    ACCEPTABLE,
    Guard,
    GuardCorrupt,
    GuardHeld,
    GuardInUse,
    GuardMissing,
    GuardMoved,
    GuardRefused,
    LogForked,
    LogRolledBack,
)
from openleo.control.log.merkle import (
    EMPTY_ROOT,
    Accumulator,
    Read,
    Tree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_at,
    verify_consistency,
    verify_inclusion,
)
from openleo.control.log.note import ED25519, SignerKey, VerifierKey, open_note, sign_note
from openleo.control.log.proof import Proof, make_proof, parse_proof, verify_proof
from openleo.control.log.tiles import TileReader, write_tiles
from openleo.control.log.verify import Report, verify_folder
from openleo.control.log.witness import SplitView, WitnessRefused, judge

__all__ = [
    "ACCEPTABLE",
    "ED25519",
    "EMPTY_ROOT",
    "FIELDS_V1",
    "Accumulator",
    "Checkpoint",
    "Disclosure",
    "Embargoed",
    "Failure",
    "Guard",
    "GuardCorrupt",
    "GuardHeld",
    "GuardInUse",
    "GuardMissing",
    "GuardMoved",
    "GuardRefused",
    "LogForked",
    "LogRolledBack",
    "Opening",
    "Proof",
    "Read",
    "Report",
    "Sealed",
    "SignerKey",
    "SplitView",
    "StorageFailed",
    "TileReader",
    "Tree",
    "VerifierKey",
    "WitnessRefused",
    "consistency_proof",
    "disclose",
    "inclusion_proof",
    "instant_text",
    "judge",
    "leaf_hash",
    "make_proof",
    "open_checkpoint",
    "open_note",
    "opens",
    "parse_checkpoint",
    "parse_disclosure",
    "parse_proof",
    "root_at",
    "seal",
    "sign_checkpoint",
    "sign_note",
    "verify_consistency",
    "verify_folder",
    "verify_inclusion",
    "verify_proof",
    "write_disclosures",
    "write_package",
    "write_tiles",
]
