"""Batches of telemetry: a body of samples, and headers that a device's key signs over them.

What is signed is (device, boot, numbers of the first and last sample, SHA-256 of the bytes that travel), so a
batch is proof whatever proxy or broker it came through.  A device numbers its samples from 0 in each of its
boots; it may send them in other batches than before, in any order, and as often as it likes: it keeps each
until it was acknowledged.  Agents of remote sites use this module, so it imports little.
"""

import hashlib
import re
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from openleo.base.errors import BadInput, Refused
from openleo.fleet.sample import MOST_INT, Sample

MOST_BYTES: Final = 64 * 1024  # of a body, as it travels
MOST_PLAIN_BYTES: Final = 1024 * 1024  # of a body, unpacked
MOST_SAMPLES: Final = 900
PATH: Final = "/v1/telemetry"

DEVICE, BOOT, SEQ = "openleo-device", "openleo-boot", "openleo-seq"
SIGNATURE, LANE, BACKFILL = "openleo-signature", "openleo-lane", "backfill"
ENCODING = "content-encoding"

_NAME = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)
_RANGE = re.compile(r"(\d{1,19})-(\d{1,19})", re.ASCII)
_DEFAULTS: Final = tuple((f.name, f.default) for f in fields(Sample) if f.default is not MISSING)
_ALWAYS: Final = tuple(f.name for f in fields(Sample) if f.default is MISSING)
_DECODER = msgspec.json.Decoder(list[Sample])


class BadBatch(BadInput):
    """A batch that cannot be read; to send it again would not help."""

    code = "bad-batch"


class BatchTooLarge(BadBatch):
    """A batch of more bytes or samples than is taken."""

    code = "too-large"


class NotSigned(Refused):
    """The signature is missing, or is not that of the device's key over this batch."""

    code = "bad-signature"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a batch's headers say: its samples are the ``first``-th to ``last``-th of a device's boot."""

    device: str
    boot: str
    first: int
    last: int
    signature: str
    backfill: bool = False
    packed: bool = False

    def to_sign(self, body: bytes) -> bytes:
        """Return the bytes that the device's key signs."""
        digest = hashlib.sha256(body).hexdigest()
        return (
            f"openleo/telemetry/v1\n{self.device}\n{self.boot}\n{self.first}-{self.last}\n{digest}\n".encode()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch as it was read: whose it is, and its samples."""

    head: Head
    samples: Sequence[Sample]


def plain(sample: Sample) -> dict[str, Any]:
    """Return a sample as JSON has it: what is not told is left out."""
    found = {name: getattr(sample, name) for name in _ALWAYS}
    for name, default in _DEFAULTS:
        value = getattr(sample, name)
        if value != default:
            found[name] = value
    return found


def sign_batch(
    key: Ed25519PrivateKey | bytes,
    device: str,
    boot: str,
    first_seq: int,
    samples: Sequence[Sample],
    *,
    backfill: bool = False,
    pack: bool = True,
) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body with which to POST samples to `PATH`.

    ``key`` is the device's (or its 32 secret bytes); the samples are numbered from ``first_seq`` on.
    ``backfill`` says that they are of an outage that is over: they wait behind what is fresh.  ``pack``
    compresses the body.  Raises BatchTooLarge where they must be sent as several.
    """
    if not samples:
        raise ValueError("a batch holds at least one sample")
    if len(samples) > MOST_SAMPLES:
        raise BatchTooLarge(
            f"{len(samples)} samples are more than {MOST_SAMPLES}", "send them in several batches"
        )
    body = msgspec.json.encode([plain(sample) for sample in samples])
    if pack:
        body = zlib.compress(body, 6, wbits=31)
    if len(body) > MOST_BYTES:
        raise BatchTooLarge(
            f"the batch has {len(body):,} bytes, more than {MOST_BYTES:,}", "send it in several batches"
        )
    private = Ed25519PrivateKey.from_private_bytes(key) if isinstance(key, bytes) else key
    last = first_seq + len(samples) - 1
    head = Head(device=device, boot=boot, first=first_seq, last=last, signature="")
    _check(head)
    headers = {
        DEVICE: device, BOOT: boot, SEQ: f"{first_seq}-{last}", "content-type": "application/json",
        SIGNATURE: b64encode(private.sign(head.to_sign(body))).decode(),
    }  # fmt: skip
    if backfill:
        headers[LANE] = BACKFILL
    if pack:
        headers[ENCODING] = "gzip"
    return headers, body


def sign_again(
    key: Ed25519PrivateKey, device: str, headers: Mapping[str, str], body: bytes
) -> dict[str, str]:
    """Return the headers of a batch that `sign_batch` made, as another device or with another key."""
    first, _, last = headers[SEQ].partition("-")
    head = Head(device=device, boot=headers[BOOT], first=int(first), last=int(last), signature="")
    _check(head)
    return {**headers, DEVICE: device, SIGNATURE: b64encode(key.sign(head.to_sign(body))).decode()}


def read_head(headers: Mapping[str, str]) -> Head:
    """Return what headers (names in lower case) say of a batch; raises BadBatch and NotSigned."""
    missing = [name for name in (DEVICE, BOOT, SEQ) if name not in headers]
    if missing:
        raise BadBatch(f"the header {missing[0]} is missing", "docs/telemetry.md tells how a batch is sent")
    if SIGNATURE not in headers:
        raise NotSigned(f"the header {SIGNATURE} is missing", "sign each batch with the device's key")
    match = _RANGE.fullmatch(headers[SEQ])
    if match is None:
        raise BadBatch(f"{SEQ} is no range of numbers", "write FIRST-LAST, such as 0-14")
    encoding = headers.get(ENCODING, "identity").lower()
    if encoding not in {"gzip", "identity"}:
        raise BadBatch(f"{ENCODING} {encoding[:32]} is not read here", "send gzip, or none")
    head = Head(
        device=headers[DEVICE], boot=headers[BOOT], first=int(match[1]), last=int(match[2]),
        signature=headers[SIGNATURE], backfill=headers.get(LANE, "") == BACKFILL, packed=encoding == "gzip",
    )  # fmt: skip
    _check(head)
    return head


def need_signed(head: Head, body: bytes, public_key: str) -> None:
    """Raise NotSigned unless a batch is signed by a key (base64)."""
    try:
        key = Ed25519PublicKey.from_public_bytes(b64decode(public_key, validate=True))
        key.verify(b64decode(head.signature, validate=True), head.to_sign(body))
    except (InvalidSignature, ValueError):
        raise NotSigned(
            "this is not the batch of a device that is known here",
            "enrol its key, and sign the bytes as they are sent",
        ) from None


def read_samples(head: Head, body: bytes) -> list[Sample]:
    """Return the samples of a body; raises BadBatch, which says where it is wrong."""
    if len(body) > MOST_BYTES:
        raise BatchTooLarge(f"the batch has more than {MOST_BYTES:,} bytes", "send it in several batches")
    data = _unpacked(body) if head.packed else body
    try:
        samples = _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadBatch(f"the body is wrong: {error}", "docs/telemetry.md tells what a sample holds") from None
    if len(samples) > MOST_SAMPLES:
        raise BatchTooLarge(
            f"{len(samples)} samples are more than {MOST_SAMPLES}", "send them in several batches"
        )
    if len(samples) != head.last - head.first + 1:
        raise BadBatch(
            f"{SEQ} {head.first}-{head.last} tells of {head.last - head.first + 1} samples, and the body "
            f"holds {len(samples)}",
            "number the samples of a boot from 0, without gaps",
        )
    return samples


def read_batch(headers: Mapping[str, str], body: bytes, public_key: str) -> Batch:
    """Return a batch whose signature is good; raises BadBatch and NotSigned."""
    head = read_head(headers)
    if len(body) > MOST_BYTES:
        raise BatchTooLarge(f"the batch has more than {MOST_BYTES:,} bytes", "send it in several batches")
    need_signed(head, body, public_key)
    return Batch(head=head, samples=read_samples(head, body))


def _check(head: Head) -> None:
    for what, name in (("device", head.device), ("boot", head.boot)):
        if not _NAME.fullmatch(name):
            raise BadBatch(f"this names no {what}", "1 to 64 of A-Z, a-z, 0-9, and . _ : -")
    if not 0 <= head.first <= head.last <= MOST_INT:
        raise BadBatch(f"{SEQ} {head.first}-{head.last} is no range", "FIRST is at most LAST, from 0 on")


def _unpacked(body: bytes) -> bytes:
    stream = zlib.decompressobj(wbits=31)
    try:
        data = stream.decompress(body, MOST_PLAIN_BYTES)
    except zlib.error as error:
        raise BadBatch("the body is not what gzip makes", "send the bytes as gzip gave them") from error
    if stream.unconsumed_tail:
        raise BatchTooLarge(
            f"the body unpacks to more than {MOST_PLAIN_BYTES:,} bytes", "send it in several batches"
        )
    if not stream.eof:
        raise BadBatch("the body ends before gzip's end", "send all of it")
    return data
