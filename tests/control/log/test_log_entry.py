"""The leaf: what it hides, what it shows when opened, and that all leaves look alike."""

import itertools
import secrets
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_logs import EMBARGO, SHOWN, Log, fields, salts

from openleo.base.errors import BadInput
from openleo.control.log import (
    FIELDS_V1,
    Embargoed,
    Sealed,
    disclose,
    instant_text,
    opens,
    parse_disclosure,
    seal,
)
from openleo.control.log.disclosure import parse_instant
from openleo.control.log.entry import HEADER_V1, LEAF_BYTES, commitment

VALUES = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(FIELDS_V1), VALUES), VALUES)
def test_a_field_opens_with_its_value_and_salt_and_nothing_else(
    values: dict[str, str | None], other: str | None
) -> None:
    sealed = seal(values, salts("any"))
    for name, after in itertools.pairwise([*FIELDS_V1, FIELDS_V1[0]]):
        value, salt = values.get(name), sealed.salts[name]
        assert opens(sealed.leaf, name, salt, value)
        assert not opens(sealed.leaf, after, salt, value)
        assert not opens(sealed.leaf, name, sealed.salts[after], value)
        assert opens(sealed.leaf, name, salt, other) == (other == value)


def test_all_leaves_look_alike_whatever_they_record() -> None:
    leaves = [seal(values, secrets.token_bytes).leaf for values in ({}, {"body": "x" * 60_000}, fields(1))]
    assert {len(leaf) for leaf in leaves} == {LEAF_BYTES}
    assert {leaf[: len(HEADER_V1)] for leaf in leaves} == {HEADER_V1}
    parts = [leaf[i : i + 32] for leaf in leaves for i in range(len(HEADER_V1), LEAF_BYTES, 32)]
    assert len(set(parts)) == 3 * len(FIELDS_V1)  # the same value never looks the same twice


def test_absent_and_empty_are_not_the_same() -> None:
    salt = b"s" * 32
    assert commitment("area", salt, None) != commitment("area", salt, "")


def test_the_list_of_fields_is_fixed() -> None:
    """A changed list or encoding would make published leaves unreadable: write a second version instead."""
    expected = (
        "kind area action counts reason account terminals decided_at effective embargo by signatures "
        "refers_to policy request body"
    )
    assert " ".join(FIELDS_V1) == expected
    assert (
        commitment("area", bytes(range(32)), "UA-63 — Харків").hex()
        == "1cbf4563be9e8ee5ccc54a5eeea7389bfd7ed3902a9feea6ce48622065cbd44a"
    )


def test_unknown_fields_and_weak_salts_are_refused() -> None:
    with pytest.raises(ValueError, match="no field colour"):
        seal({"colour": "red"}, secrets.token_bytes)
    for source in (lambda n: b"\0" * n, lambda n: secrets.token_bytes(n - 1)):
        with pytest.raises(ValueError, match="source of salts"):
            seal({}, source)


@pytest.mark.parametrize("leaf", [b"", HEADER_V1, b"\0" * LEAF_BYTES])
def test_what_is_no_leaf_opens_to_nothing(leaf: bytes) -> None:
    assert not opens(leaf, "area", b"s" * 32, None)


def test_half_a_surrogate_pair_opens_nothing() -> None:
    sealed = seal({}, secrets.token_bytes)
    assert not opens(sealed.leaf, "area", sealed.salts["area"], "\ud800")


def test_salts_are_not_in_what_is_printed() -> None:
    sealed = seal({}, secrets.token_bytes)
    assert "salt" not in repr(sealed)


@pytest.mark.parametrize(
    ("late", "shown"), [(timedelta(seconds=-1), False), (timedelta(0), True), (timedelta(days=99), True)]
)
def test_fields_are_shown_at_the_end_of_the_embargo_and_not_before(late: timedelta, shown: bool) -> None:
    sealed = seal(fields(1), salts("1"))

    def show() -> tuple[str, ...]:
        made = disclose(index=1, sealed=sealed, fields=fields(1), names=["area"], now=EMBARGO + late)
        return tuple(o.name for o in made.openings)

    if shown:
        assert show() == ("area", "embargo")
    else:
        with pytest.raises(Embargoed, match="not to be shown before 2026-03-01T00:00:00Z") as error:
            show()
        assert error.value.code == "embargoed"


def test_an_entry_without_an_embargo_is_never_shown() -> None:
    sealed = seal({"area": "a"}, salts("1"))
    with pytest.raises(Embargoed, match="at all"):
        disclose(index=0, sealed=sealed, fields={"area": "a"}, names=["area"], now=EMBARGO)


def test_a_store_that_was_changed_behind_the_log_shows_nothing() -> None:
    sealed = seal(fields(1), salts("1"))
    for values in (fields(1) | {"area": "UA-02"}, fields(1) | {"account": None}):
        with pytest.raises(BadInput, match="not what its leaf commits to"):
            disclose(index=1, sealed=sealed, fields=values, names=SHOWN, now=EMBARGO)


def test_an_erased_field_is_told_from_a_changed_one() -> None:
    sealed = seal(fields(1), salts("1"))
    erased = Sealed(leaf=sealed.leaf, salts={k: v for k, v in sealed.salts.items() if k != "account"})
    with pytest.raises(BadInput, match="account of entry 1 has no salt any more"):
        disclose(index=1, sealed=erased, fields=fields(1), names=SHOWN, now=EMBARGO)
    shown = disclose(index=1, sealed=erased, fields=fields(1), names=["area"], now=EMBARGO)
    assert opens(erased.leaf, "area", shown.openings[0].salt, "UA-01")


def test_an_embargo_is_rounded_to_the_later_second() -> None:
    assert instant_text(datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC)) == "2026-01-01T00:00:01Z"
    assert parse_instant(instant_text(EMBARGO)) == EMBARGO
    for bad in ("2026-1-1T00:00:00Z", "2026-01-01T00:00:00+00:00", "2026-02-30T00:00:00Z", ""):
        with pytest.raises(BadInput, match="is no time"):
            parse_instant(bad)


def test_a_disclosure_is_read_as_it_was_written() -> None:
    made = Log(4).disclosure(3)
    assert parse_disclosure(made.to_bytes()) == made
    assert "Лікарні".encode() in made.to_bytes()


@pytest.mark.parametrize(
    "change",
    [
        (b"{", b"{ "),
        (b'"index": 3', b'"index": 3, "index": 3'),
        (b'"index": 3', b'"index": true'),
        (b'"index": 3', b'"index": -3'),
        (b'"index": 3', b'"index": 3.0'),
        (b'"area"', b'"colour"'),
        (b'"embargo"', b'"embarg"'),
        (b'"UA-03"', b"7"),
        (b'"UA-03"', b'{"a": 1}'),
        (b'"salt": "', b'"salt": " '),
        (b"disclosed/v1", b"disclosed/v2"),
        (b"}\n", b"}"),
        (b"{", b"[" * 100_000),
    ],
)
def test_a_disclosure_in_any_other_spelling_is_refused(change: tuple[bytes, bytes]) -> None:
    content = Log(4).disclosure(3).to_bytes()
    assert change[0] in content
    with pytest.raises(BadInput):
        parse_disclosure(content.replace(*change, 1))
