"""Signed notes, keys and checkpoints: the Go implementation's vectors, and what is malformed."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_logs import ORIGIN, key

from openleo.base.errors import BadInput
from openleo.control.log import (
    Checkpoint,
    SignerKey,
    VerifierKey,
    open_checkpoint,
    open_note,
    parse_checkpoint,
    sign_checkpoint,
    sign_note,
)
from openleo.control.log.merkle import EMPTY_ROOT
from openleo.control.log.note import Signature, parse_note

# From golang.org/x/mod, sumdb/note/note_test.go (BSD-3-Clause).
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_SECRET = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETER_LINE = (
    "— PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
ENOCH_LINE = (
    "— EnochRoot "
    "rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
)
PETER_KEY, ENOCH_KEY = VerifierKey.parse(PETER), VerifierKey.parse(ENOCH)


def note(*lines: str, text: str = TEXT) -> bytes:
    return (text + "\n" + "".join(lines)).encode()


def test_the_published_note_is_signed_the_same() -> None:
    assert sign_note(TEXT, [SignerKey.parse(PETER_SECRET)]) == note(PETER_LINE)


def test_keys_are_read_and_written_the_same() -> None:
    assert SignerKey.parse(PETER_SECRET).verifier == PETER_KEY
    assert (PETER_KEY.text(), SignerKey.parse(PETER_SECRET).text()) == (PETER, PETER_SECRET)


@pytest.mark.parametrize(("parse", "text"), [(VerifierKey.parse, PETER), (SignerKey.parse, PETER_SECRET)])
def test_no_part_of_a_key_and_no_key_with_one_changed_character_is_read(parse, text: str) -> None:  # type: ignore[no-untyped-def]
    parts = {text[i:j] for i in range(len(text) + 1) for j in range(i, len(text) + 1)} - {text}
    changed = {text[:i] + chr(ord(c) + 1) + text[i + 1 :] for i, c in enumerate(text)}
    for bad in parts | changed:
        with pytest.raises(BadInput):
            parse(bad)


@pytest.mark.parametrize(
    "bad",
    [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ],
)
def test_keys_of_another_length_or_type_are_refused(bad: str) -> None:
    with pytest.raises(BadInput):
        VerifierKey.parse(bad)


def test_a_secret_is_not_in_what_is_printed_or_reported() -> None:
    secret = PETER_SECRET.rpartition("+")[2]
    assert secret not in repr(SignerKey.parse(PETER_SECRET))
    assert "secret" not in repr(SignerKey.parse(PETER_SECRET))
    with pytest.raises(BadInput) as error:
        SignerKey.parse(PETER_SECRET.replace("c74f20a3", "c74f20a4"))
    assert secret not in error.value.detail + error.value.hint


@pytest.mark.parametrize(
    ("keys", "verified", "unknown"),
    [
        ([PETER_KEY], [PETER_KEY], 1),
        ([ENOCH_KEY], [ENOCH_KEY], 1),
        ([PETER_KEY, ENOCH_KEY], [PETER_KEY, ENOCH_KEY], 0),
    ],
)
def test_signatures_by_unknown_keys_are_ignored(
    keys: list[VerifierKey], verified: list[VerifierKey], unknown: int
) -> None:
    opened = open_note(note(PETER_LINE, ENOCH_LINE), keys)
    assert (opened.text, list(opened.keys), opened.unknown) == (TEXT, verified, unknown)


def test_a_note_that_no_known_key_signed_is_refused() -> None:
    with pytest.raises(BadInput, match="signed by EnochRoot"):
        open_note(note(ENOCH_LINE), [PETER_KEY])


def test_one_bad_signature_by_a_known_key_spoils_the_note() -> None:
    bad = Signature(name="EnochRoot", key_id=ENOCH_KEY.key_id, value=b"\0" * 64).line()
    with pytest.raises(BadInput, match="does not verify"):
        open_note(note(PETER_LINE, bad), [PETER_KEY, ENOCH_KEY])
    assert open_note(note(PETER_LINE, bad), [PETER_KEY]).unknown == 1


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        TEXT.encode(),
        note(),
        note(PETER_LINE)[:-1],
        b"\x01" + note(PETER_LINE),
        b"\xff" + note(PETER_LINE),
        note(PETER_LINE).replace(b"\n", b"\r\n"),
        note(PETER_LINE.replace("PeterNeumann", "Bad Name")),
        note(PETER_LINE.replace("PeterNeumann", "Bad+Name")),
        note(PETER_LINE.replace("PeterNeumann", "")),
        note(PETER_LINE.replace("— ", "- ")),
        note(PETER_LINE, "Unexpected line.\n"),
        note(PETER_LINE[:60] + "!" + PETER_LINE[61:]),
        note(PETER_LINE.replace("nAM=", "nAN=")),  # the same bytes in another spelling
        note("— PeterNeumann AAAA\n"),
        note(*[PETER_LINE] * 101),
        note(PETER_LINE, text="x" * 1_000_000 + "\n"),
    ],
)
def test_malformed_notes_are_refused(bad: bytes) -> None:
    with pytest.raises(BadInput):
        open_note(bad, [PETER_KEY])


def test_sixteen_signatures_of_five_kilobytes_are_accepted() -> None:
    lines = [Signature(name=f"w{i}", key_id=b"abcd", value=b"x" * 5000).line() for i in range(15)]
    assert open_note(note(PETER_LINE, *lines), [PETER_KEY]).unknown == 15


def test_the_text_may_have_blank_lines() -> None:
    text = "a\n\n\nb\n\n"
    assert open_note(sign_note(text, [SignerKey.parse(PETER_SECRET)]), [PETER_KEY]).text == text


@pytest.mark.parametrize("text", ["", "no end", "bell\a\n"])
def test_a_bad_text_cannot_be_signed(text: str) -> None:
    with pytest.raises(ValueError, match="ends in a newline"):
        sign_note(text, [SignerKey.parse(PETER_SECRET)])


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400) | st.text(alphabet="— \nA+=k", max_size=60).map(str.encode))
def test_any_bytes_are_a_note_or_bad_input(data: bytes) -> None:
    with contextlib.suppress(BadInput):
        assert parse_note(data).to_bytes() == data


# From c2sp.org/tlog-checkpoint, the example.
BEHIND_THE_SOFA = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"


@pytest.mark.parametrize("extensions", [(), ("one", "two lines — of text")])
def test_checkpoints_are_read_and_written_the_same(extensions: tuple[str, ...]) -> None:
    text = BEHIND_THE_SOFA + "".join(f"{line}\n" for line in extensions)
    checkpoint = parse_checkpoint(text)
    assert (checkpoint.size, checkpoint.extensions) == (20852163, extensions)
    assert checkpoint.text() == text


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "origin\n1\n",
        BEHIND_THE_SOFA[:-1],
        BEHIND_THE_SOFA + "\n",
        "\n" + BEHIND_THE_SOFA,
        BEHIND_THE_SOFA.replace("20852163", "020852163"),
        BEHIND_THE_SOFA.replace("20852163", "+20852163"),
        BEHIND_THE_SOFA.replace("20852163", "-1"),
        BEHIND_THE_SOFA.replace("20852163", "٢٠"),
        BEHIND_THE_SOFA.replace("20852163", "9223372036854775808"),
        BEHIND_THE_SOFA.replace("20852163", "0"),  # an empty tree has another root
        BEHIND_THE_SOFA.replace("CsUY", "CsU"),
        BEHIND_THE_SOFA.replace("q2I=", "q2J="),
        BEHIND_THE_SOFA.replace("CsUYapGG", ""),
    ],
)
def test_malformed_checkpoints_are_refused(bad: str) -> None:
    with pytest.raises(BadInput):
        parse_checkpoint(bad)


def test_a_checkpoint_is_believed_only_of_the_log_that_the_key_is_named_after() -> None:
    empty = Checkpoint(origin=ORIGIN, size=0, root=EMPTY_ROOT)
    assert open_checkpoint(sign_checkpoint(empty, key()), [key().verifier]) == empty
    other = key(name="other.example.org")
    signed = sign_note(empty.text(), [other])
    with pytest.raises(BadInput, match=r"signed by other\.example\.org"):
        open_checkpoint(signed, [other.verifier])
    with pytest.raises(ValueError, match="no signer is named"):
        sign_checkpoint(empty, other)


@pytest.mark.parametrize("origin", ["", "two\nlines"])
def test_an_origin_is_one_line(origin: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        Checkpoint(origin=origin, size=0, root=EMPTY_ROOT)
