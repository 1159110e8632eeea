"""The agent of a remote site against our own ingest: enrolment, the dark, kills, and its size."""

import json
import signal
import stat
import sys
import time
from collections import Counter
from pathlib import Path

from agent_runs import Capture, agent, enrolled, modules_of, rss_mb, wait_for
from hostile_dish import PlayedDish
from servers_here import Asked, Here, app_here, ingest_here, own_certificate, scripted

from openleo.cli._main import exit_code_of
from openleo.control import enrolment, onboarding
from openleo.control.inventory import Selection
from openleo.fleet import agent_home
from openleo.fleet.agent import FRESH_NS
from openleo.fleet.agent_home import Settings, own_key, public_key, read_settings, to_prove
from openleo.fleet.agent_ring import Ring
from openleo.fleet.collect import Pages
from openleo.fleet.sample import Sample

sys.path.append(str(Path(__file__).resolve().parents[1] / "api"))
from api_world import founded

NS = 10**9
MOST_MB = 64


def test_an_agent_enrols_with_a_code_that_is_good_once(
    tmp_path: Path, here: Here, dish: PlayedDish, capsys: Capture
) -> None:
    data, code = tmp_path / "data", here.agent("clinic")
    command = ["agent", "enrol", code.upper(), "--server", here.url, "--dish", dish.address]
    assert exit_code_of([*command, "--data", str(data)]) == 0
    assert "clinic" in capsys.readouterr().out
    key = data / "agent" / "key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    found = here.at.agents.find("clinic")
    assert found is not None
    assert found.public_key == public_key(own_key(data / "agent"))
    assert exit_code_of([*command, "--data", str(tmp_path / "another")]) == 1
    assert "does not take the code" in capsys.readouterr().err
    assert exit_code_of(["agent", "status", "--data", str(data), "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["device"], told["held"]["samples"]) == ("clinic", 0)


def test_one_key_is_one_agent_of_a_server_and_another_servers_says_who_it_was(
    tmp_path: Path, here: Here, dish: PlayedDish, capsys: Capture
) -> None:
    enrolled(tmp_path, here, dish)
    command = ["agent", "enrol", here.agent("school"), "--server", here.url, "--data", str(tmp_path)]
    assert exit_code_of(command) == 1
    assert "openleo agent status" in capsys.readouterr().err
    with ingest_here(tmp_path / "other") as other:
        command = ["agent", "enrol", other.agent("school"), "--server", other.url, "--data", str(tmp_path)]
        assert exit_code_of(command) == 0
    told = capsys.readouterr().out
    assert f"this is agent school of {other.url}" in told
    assert f"of {here.url}: have that one revoked" in told


def test_what_an_agent_proves_is_what_the_control_plane_asks_for() -> None:
    code, key = "3F9K-7x2m-oooo-iiii-LLLL-0000", "a" * 43 + "="
    assert to_prove(code, key) == enrolment.to_prove(code, key)


def test_a_control_planes_enrolment_waits_for_its_operator(tmp_path: Path, capsys: Capture) -> None:
    def control(asked: Asked) -> tuple[int, dict[str, str], bytes]:
        if asked.path != "/v1/enrolments":
            return 404, {}, b""
        assert asked.headers["idempotency-key"]
        assert set(json.loads(asked.body)) == {"code", "public_key", "proof"}
        return 201, {}, b'{"terminal": "ut-77"}'

    with scripted(control) as there:
        command = ["agent", "enrol", "3f9k-7x2m-aaaa-bbbb-cccc-dddd", "--server", there.url]
        assert exit_code_of([*command, "--data", str(tmp_path)]) == 0
    assert "must accept this key" in capsys.readouterr().out
    assert read_settings(tmp_path / "agent").device == "ut-77"


def test_a_real_control_plane_takes_the_key_of_a_terminals_agent(tmp_path: Path, capsys: Capture) -> None:
    world = founded(tmp_path / "control")
    world.add("account", "relief", status="active", title="", reason="", cut_terminals=[])
    amina = world.plane.authenticate(world["amina"].credential.token)
    source = onboarding.Source.of(b"id,kind\nut-77,standard\n", "batch.csv")
    world.plane.act(amina, lambda tx: onboarding.onboard(tx, source, account="relief", batch="b"))
    which = Selection(ids=("ut-77",))
    [made] = world.plane.act(amina, lambda tx: enrolment.make_claim_codes(tx, which))
    data = tmp_path / "data"
    with app_here(world.app) as url:
        command = ["agent", "enrol", made.code, "--server", url, "--telemetry", "http://127.0.0.1:8360"]
        for _ in range(2):  # its answer was lost on the way, say
            assert exit_code_of([*command, "--data", str(data)]) == 0
    assert "must accept this key" in capsys.readouterr().out
    assert read_settings(data / "agent").device == "ut-77"
    assert read_settings(data / "agent").server == "http://127.0.0.1:8360"
    [offered] = world.plane.read(amina, enrolment.offered_keys)
    assert (offered.terminal_id, offered.offered_key) == ("ut-77", public_key(own_key(data / "agent")))
    world.plane.close()


def test_a_key_that_others_can_read_is_refused_and_a_damaged_one_told(
    tmp_path: Path, capsys: Capture
) -> None:
    folder = tmp_path / "agent"
    own_key(folder, make=True)
    agent_home.write_settings(folder, Settings(device="d", server="http://127.0.0.1:1"))
    (folder / "key").chmod(0o640)
    assert exit_code_of(["agent", "run", "--data", str(tmp_path)]) == 1
    assert "chmod 600" in capsys.readouterr().err
    (folder / "key").chmod(0o600)
    (folder / "key").write_text("torn")
    assert exit_code_of(["agent", "run", "--data", str(tmp_path)]) == 1
    assert "damaged" in capsys.readouterr().err


def test_a_server_that_nobody_vouches_for_is_told_nothing(tmp_path: Path, capsys: Capture) -> None:
    tls = own_certificate(tmp_path)
    with ingest_here(tmp_path / "server", tls=tls) as here:
        command = ["agent", "enrol", here.agent(), "--server", here.url, "--data", str(tmp_path / "data")]
        assert exit_code_of(command) == 1
        told = capsys.readouterr().err
        assert "not to be trusted" in told
        assert "--ca-file" in told
        assert [one.state for one in here.at.agents.all()] == ["waiting"]


def test_without_enrolment_it_says_how(tmp_path: Path, capsys: Capture) -> None:
    for command in ("run", "status"):
        assert exit_code_of(["agent", command, "--data", str(tmp_path)]) == 1
        assert "openleo agent enrol CODE" in capsys.readouterr().err


def test_what_a_dish_tells_reaches_the_store_and_the_agent_stays_small(
    tmp_path: Path, dish: PlayedDish
) -> None:
    """64 MB with gRPC and TLS loaded and a dish polled; without numpy, numba, pandas or polars."""
    dish.lived(900)
    tls = own_certificate(tmp_path)
    with ingest_here(tmp_path / "server", tls=tls) as here:
        _told_by_a_small_agent(tmp_path, here, dish, tls[0])


def _told_by_a_small_agent(tmp_path: Path, here: Here, dish: PlayedDish, ca: Path) -> None:
    enrolled(tmp_path, here, dish, "--ca-file", str(ca))
    with agent("run", data=tmp_path) as process:
        wait_for(lambda: dish.terminal in here.store.latest())
        wait_for(lambda: dish.calls["get_status"] >= 3)
        now_mb, peak_mb = rss_mb(process)
        loaded = modules_of(process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert process.stderr is not None
        assert b"on disk" in process.stderr.read()
    print(f"{now_mb:.1f} MB, at most {peak_mb:.1f} MB")
    assert peak_mb <= MOST_MB, f"{now_mb:.1f} MB, at most {peak_mb:.1f} MB"
    assert any("cygrpc" in name for name in loaded)
    assert not [
        n for n in loaded if any(h in n for h in ("numpy", "multiarray", "llvmlite", "polars", "pandas"))
    ]
    latest = here.store.latest()[dish.terminal]
    assert (latest.outage, latest.software) == ("", "2026.06.12.mr81164")


def test_an_agent_that_is_killed_time_and_again_loses_nothing_and_sends_nothing_twice(
    tmp_path: Path, dish: PlayedDish
) -> None:
    """Its server is away now and then too; its dish's seconds go by all the while."""
    server, data = tmp_path / "server", tmp_path / "data"
    with ingest_here(server) as there:
        enrolled(data, there, dish)
        port = int(there.url.rpartition(":")[2])
    for life in range(4):
        dish.lived(60)
        asked = dish.calls["get_history"]
        if life % 2:
            with agent("run", data=data) as process:  # the server is away
                wait_for(lambda asked=asked: dish.calls["get_history"] > asked)
                time.sleep(0.2 * life)
                process.kill()
        else:
            with ingest_here(server, port=port), agent("run", data=data) as process:
                wait_for(lambda asked=asked: dish.calls["get_history"] > asked)
                time.sleep(0.3 + 0.2 * life)
                process.kill()
    dish.lived(60)
    with ingest_here(server, port=port) as there, agent("run", data=data) as process:

        def counters() -> list[int]:
            found = there.store.samples(dish.terminal, 0, 2**62, merged=False)
            return sorted(s.counter for s in found if s.counter is not None)

        wait_for(lambda: bool(counters()) and counters()[-1] == 420)
        wait_for(lambda: len(counters()) == 420 // 15)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert Counter(counters()) == Counter(range(15, 421, 15))
        assert there.at.intake.counts["doubles"] == 0


def held_by(dish: PlayedDish, data: Path, count: int) -> list[int]:
    """Have an agent's ring hold samples of an hour ago and before, a second apart; return when they were."""
    oldest_ns = time.time_ns() - 3_600 * NS - count * NS
    times = [oldest_ns + n * NS for n in range(count)]
    with Ring(data / "agent") as ring:
        ring.write(Pages(samples=[Sample(terminal=dish.terminal, time_ns=t, source="dish") for t in times]))
    return times


MOST_POLLS = 9  # a look each 5 s at first: before what is held is out, the dish has answered so often


def test_beside_a_dish_with_a_full_history_all_of_it_arrives_while_the_dish_answers(
    tmp_path: Path, here: Here, dish: PlayedDish
) -> None:
    """A third of the 15 minutes is no longer fresh, and waits for what is."""
    dish.lived(900)
    enrolled(tmp_path, here, dish)
    with agent("run", data=tmp_path) as process:
        wait_for(lambda: dish.terminal in here.store.latest())

        def counters() -> set[int]:
            found = here.store.samples(dish.terminal, 0, 2**62, merged=False)
            return {s.counter for s in found if s.counter is not None}

        wait_for(lambda: len(counters()) >= 60 or dish.calls["get_status"] > MOST_POLLS, seconds=90)
        assert dish.calls["get_status"] <= MOST_POLLS
        process.terminate()
        assert process.wait(30) == 0


def test_what_was_held_while_cut_off_arrives_newest_first_while_the_dish_answers(
    tmp_path: Path, here: Here, dish: PlayedDish
) -> None:
    enrolled(tmp_path, here, dish)
    held = held_by(dish, tmp_path, 1_000)
    newest_first = list(reversed(held))
    with agent("run", data=tmp_path) as process:
        arrived: set[int] = set()
        while not arrived >= set(held):
            assert dish.calls["get_status"] <= MOST_POLLS, f"{len(arrived)} arrived"
            times = {s.time_ns for s in here.store.samples(dish.terminal, 0, 2**62, merged=False)}
            arrived = times & set(held)
            assert arrived == set(newest_first[: len(arrived)])
            time.sleep(0.05)
        latest = here.store.latest
        wait_for(lambda: latest()[dish.terminal].time_ns > time.time_ns() - FRESH_NS)
        process.terminate()
        assert process.wait(30) == 0
