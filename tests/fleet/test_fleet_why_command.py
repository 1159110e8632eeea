"""`openleo fleet why`: one terminal of the store, or one dish read now."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from why_fleet import Told, samples_of, write_fleet

from dish_fleet import dish_fleet
from openleo.cli._main import exit_code_of
from openleo.fleet.kits import Kit
from openleo.fleet.sample import Sample
from openleo.snapshot.causes import Cause

S = 10**9
PLACE = (50.0, 30.0)
DARK = Told(since_s=600, fields={"outage": "OBSTRUCTED", "obstructed": 0.3, "alerts": (66,)})


def run(capsys: pytest.CaptureFixture[str], *args: object, code: int = 0) -> str:
    assert exit_code_of(["fleet", "why", *map(str, args)]) == code
    out, err = capsys.readouterr()
    return out if code == 0 else err


@pytest.fixture
def data(tmp_path: Path) -> Path:
    now_ns = time.time_ns() // S * S
    kits = [
        Kit(id="K1", kit="K1", terminal="ut-aaaa", site="Clinic", life_critical=True),
        Kit(id="K2", kit="K2", terminal="ut-aabb", site="Clinic"),
    ]
    samples = [*samples_of("ut-aaaa", PLACE, now_ns, DARK), *samples_of("ut-aabb", PLACE, now_ns)]
    write_fleet(tmp_path, kits, samples)
    return tmp_path


@pytest.mark.parametrize("name", ["ut-aaaa", "UT-AAAA", "ut-aaa", "K1", "k1"])
def test_a_terminal_goes_by_its_id_its_beginning_or_its_kit(
    name: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = run(capsys, name, "--data", data)
    assert "ut-aaaa (Clinic, kit K1, LIFE-CRITICAL)" in out
    assert "obstructed," in out


def test_a_site_tells_of_each_of_its_terminals(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(run(capsys, "clinic", "--data", data, "--json"))
    assert [(one["terminal"], one["state"]) for one in told] == [("ut-aaaa", "dark"), ("ut-aabb", "online")]
    assert told[0]["cause"] == "obstructed"
    assert 0.6 < told[0]["confidence"] <= 1
    assert sum(r["probability"] for r in told[0]["ranked"]) == pytest.approx(1, abs=0.01)
    assert told[0]["evidence"]
    assert told[0]["next"]
    assert told[1]["cause"] is None


def test_a_beginning_that_several_share_and_a_name_of_nobody_are_errors(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "'ut-a' may be 2 terminals" in run(capsys, "ut-a", "--data", data, code=1)
    err = run(capsys, "Clinik", "--data", data, code=1)
    assert "no terminal, kit, site or dish is called 'Clinik'" in err
    assert "did you mean Clinic?" in err


def test_a_time_before_the_trouble_finds_it_online(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    then = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 1_200))
    assert "online, as of" in run(capsys, "K1", "--data", data, "--at", then)


def test_what_came_later_tells_of_a_power_cut_in_the_past(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """While it was dark nothing told; that it came back with a new start does."""
    now_ns = time.time_ns() // S * S
    back = Told(since_s=900, fields={"boot": 8, "uptime_s": 100})
    cut = Told(since_s=2_000, fields={"reachable": False})
    samples = samples_of("ut-a", PLACE, now_ns, cut, back)
    write_fleet(tmp_path, [], samples)
    then = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 1_500))
    told = json.loads(run(capsys, "ut-a", "--data", tmp_path, "--at", then, "--json"))
    assert told["state"] == "dark"
    assert told["cause"] == "unpowered"
    assert told["signs"]["booted"] == "once"


def test_an_agent_without_a_word_beside_a_vendor_that_sees_it_online_is_a_link_to_mend(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now_ns = time.time_ns() // S * S
    unsaid = ("boot", "counter", "outage", "disablement", "stowed", "power_w", "gps_valid", "gps_satellites")
    told = {**dict.fromkeys(unsaid), "signal_quality": 0.9}
    samples: list[Sample] = [
        *samples_of("ut-a", PLACE, now_ns, Told(since_s=1_500, fields=None)),
        *samples_of("ut-a", PLACE, now_ns, Told(since_s=9_999, fields=told), source="enterprise"),
    ]
    write_fleet(tmp_path, [], samples)
    out = run(capsys, "ut-a", "--data", tmp_path)
    assert "remote-site-link" in out
    assert "the vendor's telemetry sees it online" in out


def test_one_of_terminal_and_dish_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    assert "name a TERMINAL" in run(capsys, code=2)
    assert "name a TERMINAL" in run(capsys, "x", "--dish", "127.0.0.1", code=2)


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        (Cause.OBSTRUCTED, "obstructed"),
        (Cause.CELL_IS_DISABLED, "switched-off-by-area"),
        (Cause.NO_ACTIVE_ACCOUNT, "account"),
        (Cause.TOO_FAR_FROM_SERVICE_ADDRESS, "moved"),
    ],
)
def test_a_dish_that_is_served_names_its_cause_without_a_register(
    cause: Cause, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with dish_fleet() as fleet:
        fleet.advance(300)
        fleet.advance(240, cause=cause)
        told = json.loads(run(capsys, "--dish", fleet.address(), "--json"))
    assert (told["state"], told["cause"]) == ("dark", expected)
    assert told["terminal"].startswith("ut01000000")


def test_a_dish_in_service_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with dish_fleet() as fleet:
        out = run(capsys, "--dish", fleet.address())
    assert "online, as of" in out


@pytest.fixture
def web_server() -> Iterator[str]:
    """A web server: it listens, and is no dish."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_what_is_no_dish_is_said_to_be_so_and_never_diagnosed(
    web_server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = {
        web_server: "is not a dish",
        "no-such-host.invalid": "no such host",
        "127.0.0.1:1": "refused: a machine is at 127.0.0.1:1",
    }
    for address, words in told.items():
        err = run(capsys, "--dish", address, code=1)
        assert words in err, address
        assert "hint:" in err
        assert "unpowered" not in err
        assert "dark since" not in err


def test_a_dish_read_by_itself_says_that_its_neighbours_were_not_looked_at(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with dish_fleet() as fleet:
        fleet.advance(300)
        fleet.advance(240, cause=Cause.CORE_DOWN)
        out = run(capsys, "--dish", fleet.address())
    assert "neighbours were not looked at" in out
    assert "not sure: first guess gateway-or-pop" in out, "it takes its neighbours to be sure of that"
    assert "openleo request" not in out
    assert "ADDRESS" not in out


def test_a_wrong_address_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert "error:" in run(capsys, "--dish", "dish:notaport", code=1)
