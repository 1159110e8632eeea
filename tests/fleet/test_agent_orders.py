"""Orders that an agent carries out: once, whatever kills it, and undone where nobody confirms them."""

import asyncio
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from agent_runs import agent, rss_mb
from order_runs import NS, TERMINAL, Site, give, site, state, wait_for
from servers_here import Asked, Here, ingest_here, own_certificate, scripted

from openleo.cli._main import exit_code_of
from openleo.fleet.acting.allowed import Allowances
from openleo.fleet.acting.jobs import Jobs
from openleo.fleet.agent_acting import OrderTaker
from openleo.fleet.agent_home import Settings, own_key, read_settings, write_settings
from openleo.fleet.agent_orders import OrderBook
from openleo.fleet.agent_request import PATH, TIME, WINDOW_NS, result_path, signed_headers
from openleo.fleet.web import Answer, Server

Capture = pytest.CaptureFixture[str]
MOST_MB = 64


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    with ingest_here(tmp_path / "server") as there:
        yield there


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as one:
        yield one


def test_nothing_is_carried_out_until_the_site_allows_it(there: Site, here: Here, capsys: Capture) -> None:
    there.enrol(here, allows=("stow",))
    order = give(here, "reboot")
    with there.agent():
        wait_for(lambda: state(here, order) == "refused")
        found = here.at.orders.find(order)
        assert found is not None
        assert "does not allow reboot" in found.answer
        assert there.told() == []
        data = str(there.folder.parent)
        assert exit_code_of(["agent", "allow", "reboot", "--data", data]) == 0
        assert "reboot: allowed" in capsys.readouterr().out
        again = give(here, "reboot", job="j-2")
        wait_for(lambda: state(here, again) == "done")
        assert there.told() == ["reboot"]
    assert exit_code_of(["agent", "forbid", "reboot", "--data", data]) == 0
    assert "reboot: off" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("held", "then", "told"),
    [
        ("looking", "done", 1),  # it had the order, and no more
        ("telling", "unknown", 0),  # it was about to tell the dish: nobody knows, so it does not
        ("told", "unknown", 1),  # the dish had it
        ("reporting", "done", 1),  # it knew what became of it
    ],
)
def test_an_agent_that_is_killed_tells_a_dish_at_most_once(
    there: Site, here: Here, held: str, then: str, told: int
) -> None:
    there.enrol(here, allows=("stow",))
    order = give(here, "stow")
    there.killed_while(held)
    assert state(here, order) == "fetched"
    with there.agent():
        wait_for(lambda: state(here, order) == then)
        asked_ns = time.time_ns()  # it goes on asking, and is given it no more
        wait_for(lambda: here.at.orders.contacts()[0].at_ns > asked_ns + NS)
    assert there.told() == ["stow"] * told
    found = here.at.orders.find(order)
    assert found is not None
    assert found.before is not None
    assert found.before.terminal == TERMINAL


@pytest.mark.parametrize("held", ["told", "reporting"])
def test_what_nobody_confirms_is_undone_after_a_kill_and_without_any_server(
    tmp_path: Path, there: Site, held: str
) -> None:
    """No server, an agent that was killed after the dish was stowed, and a computer that was off a while."""
    with ingest_here(tmp_path / "server") as here:
        there.enrol(here, allows=("stow",))
        give(here, "stow")
        there.killed_while(held)
    assert there.told() == ["stow"]
    with there.agent():
        time.sleep(2)
        assert there.told() == ["stow"], "its time has not come"
    there.waits_since(600)
    with there.agent(), OrderBook(there.folder) as book:
        wait_for(lambda: there.told() == ["stow", "unstow"])
        wait_for(lambda: not book.armed())  # that it is undone is noted too: else it would be told once more
    port = int(here.url.rpartition(":")[2])
    with ingest_here(tmp_path / "server", port=port) as again, there.agent():
        wait_for(lambda: state(again, "o-j-1") == "reverted")
    assert there.told() == ["stow", "unstow"]


def test_a_disk_that_takes_no_writes_does_not_keep_a_dish_folded(there: Site, here: Here) -> None:
    there.enrol(here, allows=("stow",))
    order = give(here, "stow")
    there.killed_while("reporting")
    there.waits_since(600)
    with OrderBook(there.folder) as book:
        book._db.execute("PRAGMA query_only = ON")
        settings = read_settings(there.folder)
        taker = OrderTaker(book, settings, own_key(there.folder), lambda: ())
        asyncio.run(taker.undo_due())
        assert there.told() == ["stow", "unstow"]
        assert "cannot be written" in taker.trouble
        book._db.execute("PRAGMA query_only = OFF")
        taker._tried.clear()  # ten seconds later
        asyncio.run(taker.undo_due())
        asyncio.run(taker.turn())
    assert there.told() == ["stow", "unstow"], "it is not told again for want of a note"
    assert state(here, order) == "reverted"


def test_a_clock_that_jumped_back_does_not_keep_a_dish_folded(there: Site, here: Here) -> None:
    there.enrol(here, allows=("stow",))
    order = give(here, "stow", revert_after_s=6)
    there.killed_while("reporting")
    there.waits_since(-86_400)  # by the clock it is told tomorrow
    with there.agent():
        wait_for(lambda: state(here, order) == "reverted")
    assert there.told() == ["stow", "unstow"]


def test_what_is_confirmed_stays_and_a_later_order_undoes_it(there: Site, here: Here) -> None:
    there.enrol(here, allows=("stow",))
    order = give(here, "stow")
    with there.agent():
        wait_for(lambda: state(here, order) == "done")
        here.at.orders.confirm(order, now_ns=time.time_ns())
        with OrderBook(there.folder) as book:
            wait_for(lambda: book.armed() == [])
    there.waits_since(3_600)
    with there.agent():
        back = give(here, "unstow", job="j-2")
        wait_for(lambda: state(here, back) == "done")
    assert there.told() == ["stow", "unstow"]


def test_a_sleep_that_is_not_confirmed_leaves_the_sleep_that_there_was(there: Site, here: Here) -> None:
    there.enrol(here, allows=("sleep",))
    first = give(here, "sleep", order={"start_min": 60, "minutes": 30})
    with there.agent():
        wait_for(lambda: state(here, first) == "done")
        here.at.orders.confirm(first, now_ns=time.time_ns())
        with OrderBook(there.folder) as book:
            wait_for(lambda: book.armed() == [])
        second = give(here, "sleep", job="j-2", order={"start_min": 600, "minutes": 90}, revert_after_s=2)
        wait_for(lambda: state(here, second) == "reverted")
    assert there.told() == ["power_save"] * 3
    assert dict(there.dishes.commands[-1].values) == {"start_min": 60, "duration_min": 30, "enable": 1}


def test_while_a_dish_may_be_undone_no_other_order_touches_it(there: Site, here: Here) -> None:
    there.enrol(here, allows=("stow", "reboot"))
    order = give(here, "stow")
    with there.agent():
        wait_for(lambda: state(here, order) == "done")
        other = give(here, "reboot", job="j-2")
        wait_for(lambda: state(here, other) == "refused")
        assert there.told() == ["stow"]


def test_with_no_orders_nothing_new_is_done_and_what_was_is_undone(there: Site, here: Here) -> None:
    there.enrol(here, allows=("stow", "reboot"))
    order = give(here, "stow")
    there.killed_while("reporting")
    there.waits_since(600)
    later = give(here, "reboot", job="j-2")
    with agent("run", "--no-orders", data=there.folder.parent) as process:
        wait_for(lambda: state(here, order) == "reverted", seconds=60)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert there.told() == ["stow", "unstow"]
    assert state(here, later) in ("open", "refused")


def test_an_order_that_nobody_fetched_in_time_is_over(there: Site, here: Here) -> None:
    there.enrol(here, allows=("reboot",))
    order = give(here, "reboot", expires_ns=time.time_ns() + NS)
    time.sleep(1.1)
    with there.agent():
        wait_for(lambda: state(here, order) == "expired")
        later = give(here, "reboot", job="j-2")
        wait_for(lambda: state(here, later) == "done")
    assert there.told() == ["reboot"]


@pytest.mark.parametrize("why", ["the job was stopped", "it was forbidden"])
def test_an_order_whose_job_ended_or_that_was_forbidden_is_not_given(
    there: Site, here: Here, why: str
) -> None:
    there.enrol(here, allows=("reboot",))
    order, database = give(here, "reboot"), here.at.agents.database
    if why == "the job was stopped":
        Jobs(database).end("j-1", "stopped", by="olena", says="enough", now_ns=1)
    else:
        Allowances(database).say("reboot", allowed=False, by="ivan", reason="storm", now_ns=1)
    with there.agent():
        wait_for(lambda: state(here, order) == "withdrawn")
    assert there.told() == []


@pytest.mark.parametrize(
    ("changed", "answer"),
    [
        ({"device": "site-2"}, "an order for site-2"),
        ({"expires_in_s": 0}, "expired"),
        ({"terminal": "ut-other"}, "no dish ut-other"),
        ({"revert_after_s": None}, "when to undo it"),
        ({"order": {"action": "clear-map"}}, "does not allow clear-map"),
    ],
)
def test_an_agent_refuses_what_is_not_for_it_or_too_late_whatever_the_server_says(
    there: Site, changed: dict[str, object], answer: str
) -> None:
    order = {"id": "o-1", "device": "site-1", "terminal": TERMINAL, "order": {"action": "stow"},
             "expires_in_s": 600, "revert_after_s": 600} | changed  # fmt: skip
    results: list[dict[str, object]] = []

    def server(asked: Asked) -> tuple[int, dict[str, str], bytes]:
        if asked.path == result_path("o-1"):
            results.append(json.loads(asked.body))
            return 200, {}, b"{}"
        if asked.path == PATH:
            found = {"time_ns": time.time_ns(), "confirmed": [], "order": None if results else order}
            return 200, {}, json.dumps(found).encode()
        return 204, {}, b""

    there.allow("stow")
    with scripted(server) as scripts:
        own_key(there.folder, make=True)
        from openleo.fleet.register import DishEntry

        dishes = (DishEntry(address=there.dishes.address(0)),)
        write_settings(there.folder, Settings(device="site-1", server=scripts.url, dishes=dishes))
        with there.agent():
            wait_for(lambda: bool(results))
    assert results[0]["state"] == "refused"
    assert answer in str(results[0]["answer"])
    assert there.told() == []


# What the ingest answers.


def asks(
    here: Here, folder: Path, *, device: str = "", method: str = "GET", path: str = PATH, told: bytes = b"",
    off_ns: int = 0,
) -> tuple[Answer, dict[str, str]]:  # fmt: skip
    headers = signed_headers(
        own_key(folder), device or read_settings(folder).device, method, path,
        told or b'{"can": ["stow"], "sees": ["%s"], "reverts": true}' % TERMINAL.encode(),
        now_ns=time.time_ns() + off_ns,
    )  # fmt: skip
    return Server(here.url).ask(method, path, told if method == "POST" else None, headers), headers


def enrolled(here: Here, tmp_path: Path, name: str) -> Path:
    from openleo.fleet import agent_home

    folder = tmp_path / name
    agent_home.enrol(folder, here.agent(name), Server(here.url), ())
    return folder


def test_only_the_agent_that_an_order_is_for_gets_it_and_tells_of_it(tmp_path: Path, here: Here) -> None:
    mine, other = (enrolled(here, tmp_path, name) for name in ("site-1", "site-2"))
    order = give(here, "stow")
    assert asks(here, other)[0].json()["order"] is None
    done = b'{"state": "done", "answer": "yes"}'
    wrong, _ = asks(here, other, method="POST", path=result_path(order), told=done)
    assert wrong.status == 404
    assert state(here, order) == "open"
    assert asks(here, other, device="site-1")[0].status == 403, "signed by another key"
    got = asks(here, mine)[0].json()["order"]
    assert (got["id"], got["device"], got["revert_after_s"]) == (order, "site-1", 600)
    assert asks(here, mine)[0].json()["order"]["id"] == order, "its answer may have been lost"
    for new in (True, False):
        told, _ = asks(here, mine, method="POST", path=result_path(order), told=done)
        assert told.json() == {"kept": new}
    assert asks(here, mine)[0].json()["order"] is None


def test_a_request_that_was_overheard_is_good_for_nobody(tmp_path: Path, here: Here) -> None:
    mine = enrolled(here, tmp_path, "site-1")
    give(here, "stow")
    answer, headers = asks(here, mine)
    assert answer.is_ok
    assert Server(here.url).ask("GET", PATH, None, headers).status == 403, "once more"
    forged = dict(headers) | {"openleo-nonce": "0" * 32}
    assert Server(here.url).ask("GET", PATH, None, forged).status == 403
    claims = dict(headers) | {"openleo-says": '{"can": ["reboot"]}'}
    assert Server(here.url).ask("GET", PATH, None, claims).status == 403
    unsigned = {name: value for name, value in headers.items() if name != "openleo-signature"}
    assert Server(here.url).ask("GET", PATH, None, unsigned).status == 403
    assert Server(here.url).ask("GET", PATH, None, {}).status == 403


def test_a_request_of_another_time_is_refused_with_the_time_that_it_is(tmp_path: Path, here: Here) -> None:
    mine = enrolled(here, tmp_path, "site-1")
    for off_ns in (-2 * WINDOW_NS, 2 * WINDOW_NS):
        late, _ = asks(here, mine, off_ns=off_ns)
        assert late.status == 409
        assert abs(int(late.headers[TIME]) - time.time_ns()) < 60 * NS


def test_a_revoked_or_captured_agent_is_given_no_order(tmp_path: Path, here: Here) -> None:
    mine = enrolled(here, tmp_path, "site-1")
    order = give(here, "stow")
    for since_ns in (None, time.time_ns()):
        here.at.agents.cut_off("site-1", captured_since_ns=since_ns)
        assert asks(here, mine)[0].status == 403
    assert state(here, order) == "open"
    assert here.at.orders.contacts() == []


def test_an_agent_is_heard_of_its_own_terminals_alone(tmp_path: Path, here: Here) -> None:
    from openleo.fleet import agent_home

    code = here.at.agents.add("site-9", now_ns=time.time_ns(), terminals=["ut-9"])
    agent_home.enrol(tmp_path / "nine", code, Server(here.url), ())
    give(here, "stow", agent="site-9")
    assert asks(here, tmp_path / "nine")[0].json()["order"] is None
    assert here.at.orders.contacts()[0].sees == frozenset()


@pytest.mark.parametrize(
    "told", [b"[]", b"{", b'{"state": "eaten"}', b'{"state": "done", "before": {"at_ns": "x"}}', b"\xff"]
)
def test_a_result_that_cannot_be_is_refused(tmp_path: Path, here: Here, told: bytes) -> None:
    mine = enrolled(here, tmp_path, "site-1")
    order = give(here, "stow")
    answer, _ = asks(here, mine, method="POST", path=result_path(order), told=told)
    assert answer.status == 422
    assert state(here, order) == "open"


def test_an_agent_that_carries_out_orders_stays_small(tmp_path: Path, there: Site) -> None:
    """64 MB, over TLS, with a dish that is watched and told, as `openleo agent run` is installed."""
    tls = own_certificate(tmp_path)
    with ingest_here(tmp_path / "server", tls=tls) as here:
        from openleo.fleet import agent_home
        from openleo.fleet.register import DishEntry

        dishes = (DishEntry(address=there.dishes.address(0)),)
        agent_home.enrol(there.folder, here.agent(), Server(here.url, str(tls[0])), dishes)
        there.allow("stow")
        order = give(here, "stow")
        with agent("run", data=there.folder.parent) as process:
            wait_for(lambda: state(here, order) == "done")
            _, peak_mb = rss_mb(process)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
    print(f"at most {peak_mb:.1f} MB")
    assert peak_mb <= MOST_MB
