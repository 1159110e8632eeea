"""What outsiders get: a folder that tells nothing, and packages that anyone can check, each in its time."""

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from deciding import add_account, asked, define, switched

from openleo.base.errors import BadInput
from openleo.control.areas import NotFound
from openleo.control.authorize import Forbidden
from openleo.control.founding import found_network
from openleo.control.log import (
    Embargoed,
    VerifierKey,
    parse_disclosure,
    parse_proof,
    verify_folder,
    verify_proof,
)
from openleo.control.plane import Plane
from openleo.control.publish import (
    NeedToKnow,
    OtherLog,
    disclose,
    embargo,
    proof_of,
    publish,
    set_embargo_days,
)
from openleo.control.reading import list_entries, read_entry
from openleo.control.request import NeedsReason

REASON = "The bridge is in our hands"


@pytest.fixture
def decided(network: Any) -> Any:
    """A network in which kherson was switched on: entry 5."""
    define(network, "kherson", title="Oblast of Kherson")
    add_account(network, "mercy-corps")
    request = switched(network, "kherson", "on", reason=REASON, evidence=["seen by drone"])
    assert request[1] == 5
    return network


def package(world: Any, folder: Path, **more: Any) -> Any:
    """Disclose entry 5 to a paper."""
    wanted: dict[str, Any] = {
        "fields": ["area", "reason", "time"], "to": "The Daily", "reason": "asked for by law",
        "indices": [5],
    } | more  # fmt: skip
    return disclose(world.plane, world.people["amina"], folder, **wanted)


def key(world: Any) -> str:
    text: str = world.plane.store.vkey.text()
    return text


def test_the_public_folder_tells_nothing_and_is_whole(decided: Any, tmp_path: Path) -> None:
    publish(decided.plane, tmp_path / "log", actor=decided.people["amina"])
    report = verify_folder(tmp_path / "log", key(decided))
    assert report.ok
    assert report.checked["entries"] == 6
    plain = [
        "kherson", "Kherson", "mercy", REASON, "drone", "amina", "jonas", "area.", "request", "switched",
        "reason", "2026",
    ]  # fmt: skip
    files = [path for path in (tmp_path / "log").rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"checkpoint", "vkey"}
    for path in files:
        content = path.read_bytes() + str(path.relative_to(tmp_path)).encode()
        assert not [word for word in plain if word.encode() in content], path.name


def test_a_folder_is_brought_up_to_date_and_each_state_extends_the_last(decided: Any, tmp_path: Path) -> None:
    folder = tmp_path / "log"
    first = publish(decided.plane, folder)
    shutil.copy(folder / "checkpoint", tmp_path / "kept")
    define(decided, "odesa")
    second = publish(decided.plane, folder)
    assert (first.size, second.size, second.added) == (6, 7, 1)
    again = publish(decided.plane, folder)
    assert again.added == 0
    assert verify_folder(folder, key(decided), older=[tmp_path / "kept"]).ok


def test_a_folder_of_another_log_is_left_alone(decided: Any, tmp_path: Path) -> None:
    owners = {"amina": "amina", "jonas": "jonas"}
    found_network(tmp_path / "other", decided.plane.network, owners, clock=decided.clock)
    with Plane.open(tmp_path / "other", clock=decided.clock) as other:
        publish(other, tmp_path / "log")
    before = (tmp_path / "log" / "checkpoint").read_bytes()
    with pytest.raises(OtherLog):
        publish(decided.plane, tmp_path / "log")
    assert (tmp_path / "log" / "checkpoint").read_bytes() == before


def test_nothing_is_shown_before_its_embargo_ends(decided: Any, tmp_path: Path) -> None:
    """The default is seven days after the decision."""
    entry, _ = decided.read("amina", lambda tx: read_entry(tx, 5))
    assert entry.embargo_until == entry.decided_at + timedelta(days=7)
    before = decided.read("amina", list_entries)
    with pytest.raises(Embargoed):
        package(decided, tmp_path / "package")
    assert not (tmp_path / "package").exists()
    assert decided.read("amina", list_entries) == before
    decided.clock.turn(days=7)
    done = package(decided, tmp_path / "package")
    report = verify_folder(tmp_path / "package", key(decided), now=decided.clock.now)
    assert report.ok
    assert done.shown == [5]


def test_a_package_shows_what_was_chosen_and_no_more(decided: Any, tmp_path: Path) -> None:
    decided.clock.turn(days=8)
    done = package(decided, tmp_path / "package")
    shown = parse_disclosure((tmp_path / "package" / "disclosed" / "5.json").read_bytes())
    values = {one.name: one.value for one in shown.openings}
    assert set(values) == {"area", "reason", "decided_at", "embargo"}
    assert values["area"] == '"kherson"'
    assert values["reason"] == f'"{REASON}"'
    every = b"".join(p.read_bytes() for p in (tmp_path / "package").rglob("*") if p.is_file())
    assert not [word for word in (b"amina", b"drone", b"r-1", b"jonas") if word in every]
    _, fields = decided.read("amina", lambda tx: read_entry(tx, done.entry))
    assert (fields["kind"], fields["refers_to"], fields["by"]) == ("log.disclosed", [5], ["amina"])
    assert fields["body"]["more"]["to"] == "The Daily"


def test_an_embargo_is_shortened_or_lengthened_by_a_decision(decided: Any, tmp_path: Path) -> None:
    now = decided.clock.now
    index = decided.act("amina", lambda tx: embargo(tx, 5, now, reason="a court said so"))
    package(decided, tmp_path / "package")
    assert verify_folder(tmp_path / "package", key(decided)).ok
    early = verify_folder(tmp_path / "package", key(decided), now=decided.clock.now)
    assert [one.file for one in early.failures] == ["disclosed/5.json"], "a reader can see that it was early"
    _, fields = decided.read("amina", lambda tx: read_entry(tx, index))
    assert (fields["kind"], fields["refers_to"]) == ("log.embargoed", [5])
    decided.act("amina", lambda tx: embargo(tx, 5, now + timedelta(days=900), reason="lives depend on it"))
    decided.clock.turn(days=100)
    with pytest.raises(Embargoed):
        package(decided, tmp_path / "later")


def test_the_networks_embargo_is_for_entries_to_come(decided: Any) -> None:
    decided.act("amina", lambda tx: set_embargo_days(tx, 30, reason="we are in a war"))
    define(decided, "odesa")
    last = decided.read("amina", lambda tx: list_entries(tx, limit=1))[0]
    assert last.embargo_until == last.decided_at + timedelta(days=30)
    entry, _ = decided.read("amina", lambda tx: read_entry(tx, 5))
    assert entry.embargo_until == entry.decided_at + timedelta(days=7)
    for days in (-1, 1e9, float("nan")):
        with pytest.raises(BadInput, match="embargo of"):
            decided.act("amina", lambda tx, days=days: set_embargo_days(tx, days, reason="x"))


def test_requests_are_never_shown(decided: Any, tmp_path: Path) -> None:
    decided.clock.turn(days=8)
    for more in ({"indices": [3]}, {"fields": ["body"]}, {"fields": ["area", "request"]}):
        with pytest.raises(NeedToKnow):
            package(decided, tmp_path / "package", **more)


def test_of_an_area_all_is_shown_that_may_be(decided: Any, tmp_path: Path) -> None:
    define(decided, "city", parent="kherson")
    decided.clock.turn(days=8)
    asked(decided, "kherson", "off")
    late = define(decided, "port", parent="kherson")
    assert late.id == "port"
    done = package(decided, tmp_path / "package", indices=(), area_id="kherson")
    assert done.shown == [1, 5, 6]
    assert done.withheld == [3, 4, 7, 8]
    assert verify_folder(tmp_path / "package", key(decided)).ok


@pytest.mark.parametrize(
    ("more", "error", "says"),
    [
        ({"fields": ["colour"]}, BadInput, "no field 'colour'"),
        ({"fields": []}, BadInput, "no field is to be shown"),
        ({"to": " "}, BadInput, "to whom"),
        ({"reason": ""}, NeedsReason, "reason"),
        ({"indices": [77]}, NotFound, "no entry 77"),
        ({"indices": []}, BadInput, "either entries or an area"),
        ({"area_id": "kherson"}, BadInput, "either entries or an area"),
        ({"indices": (), "area_id": "nowhere"}, NotFound, "no area 'nowhere'"),
    ],
)
def test_what_cannot_be_disclosed_is_said(
    decided: Any, tmp_path: Path, more: dict[str, Any], error: type[Exception], says: str
) -> None:
    decided.clock.turn(days=8)
    with pytest.raises(error, match=says):
        package(decided, tmp_path / "package", **more)
    assert not (tmp_path / "package").exists()


def test_only_those_with_the_right_disclose_and_only_there(decided: Any, tmp_path: Path) -> None:
    define(decided, "odesa")
    decided.add_person("oleh", "auditor", "odesa")
    decided.add_person("vera", "viewer")
    decided.clock.turn(days=8)
    for who in ("oleh", "vera"):
        with pytest.raises(Forbidden):
            disclose(
                decided.plane, decided.people[who], tmp_path / "p", indices=[5], fields=["area"], to="x",
                reason="x",
            )  # fmt: skip
        with pytest.raises(Forbidden):
            decided.act(who, lambda tx: embargo(tx, 5, decided.clock.now, reason="x"))
        with pytest.raises(Forbidden):
            publish(decided.plane, tmp_path / "log", actor=decided.people[who])


def test_an_erased_field_is_not_shown_and_the_rest_still_proves(decided: Any, tmp_path: Path) -> None:
    from openleo.control.schema import entry_fields

    decided.clock.turn(days=8)
    gone = (entry_fields.c.index == 5) & (entry_fields.c.name == "reason")
    decided.act(
        "openleo",
        lambda tx: tx.conn.execute(entry_fields.update().where(gone).values(salt=None, value=None)),
    )
    with pytest.raises(BadInput, match="reason of entry 5 has no salt"):
        package(decided, tmp_path / "package")
    package(decided, tmp_path / "package", fields=["area"])
    assert verify_folder(tmp_path / "package", key(decided)).ok


@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_one_changed_bit_anywhere_in_a_package_is_found(network: Any, tmp_path: Path, step: int) -> None:
    """The journalist's copy: every byte (or every seventh) of every file, with one of its bits turned."""
    define(network, "kherson")
    network.clock.turn(days=8)
    folder, vkey = tmp_path / "package", key(network)
    package(network, folder, indices=[1])
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    assert verify_folder(folder, vkey).ok
    assert not verify_folder(folder, vkey).unchecked
    missed = []
    for path in files:
        good = path.read_bytes()
        for at in range(0, len(good), step):
            bad = bytearray(good)
            bad[at] ^= 1 << (at % 8)
            path.write_bytes(bad)
            if verify_folder(folder, vkey).ok:
                missed.append((path.name, at))
        path.write_bytes(good)
    assert missed == []
    for path in files:
        if path.parent.name != "disclosed" and path.name != "vkey":
            good = path.read_bytes()
            path.unlink()
            assert not verify_folder(folder, vkey).ok, path.name
            path.write_bytes(good)


def test_a_proof_is_one_file_that_holds_its_entry(decided: Any) -> None:
    proof = parse_proof(proof_of(decided.plane, 5))
    assert proof.extra is not None
    assert verify_proof(proof, proof.extra, [VerifierKey.parse(key(decided))]).size == 6
    with pytest.raises(NotFound):
        proof_of(decided.plane, 6)


def test_a_disk_that_refuses_is_told(decided: Any, tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file is in the way")
    with pytest.raises(BadInput, match="cannot be published"):
        publish(decided.plane, tmp_path / "log")
