"""`openleo fleet serve` as people run it: a real fleet's page and API, and its jobs, without a scenario."""

import json
import os
import signal
import time
from pathlib import Path

from live_world import serve

from dish_fleet import dish_fleet, dish_name
from openleo.cli._main import exit_code_of
from openleo.fleet.acting.choosing import Asked, make_plan
from openleo.fleet.acting.jobs import Job, Jobs
from openleo.fleet.acting.orders import Order
from openleo.fleet.acting.plan import Settings
from openleo.fleet.database import FleetDatabase
from openleo.fleet.kits import Kit
from openleo.fleet.looking import looking
from openleo.fleet.register import DishEntry, Register
from openleo.fleet.table.rows import table_of

UNSTOW = Order(action="unstow")


def make_fleet(data: Path, address: str) -> None:
    with Register(data / "fleet") as register:
        register.put_kits([Kit(id="K1", terminal=dish_name(0), site="Lviv")])
        register.put_dish(DishEntry(address=address, terminal=dish_name(0)))


def add_job(data: Path, name: str, made_ns: int, order: Order = UNSTOW) -> None:
    folder, settings = data / "fleet", Settings(canary_count=0, watch_minutes=1)
    with looking(folder, None) as fleet:
        table = table_of(fleet, fleet.survey())
    job = Job(
        id=name, order=order, settings=settings, chosen_by="all", include=frozenset(),
        not_ours=frozenset(), site_sizes={}, reason="a test", by="olena", made_ns=made_ns,
    )  # fmt: skip
    with FleetDatabase(folder) as database:
        Jobs(database).add(job, make_plan(folder, table, Asked(order=order, settings=settings, where="all")))


def test_a_fleet_is_served_its_jobs_are_done_and_a_dead_process_comes_back(tmp_path: Path) -> None:
    with dish_fleet(1) as dishes:
        make_fleet(tmp_path, dishes.address(0))
        with serve("--data", str(tmp_path), command=("fleet", "serve")) as served:
            found = served.wait_for(lambda f: f["terminals"] == 1, "/v1/fleet")
            assert found["acting"]["may"] is False
            add_job(tmp_path, "j-1", time.time_ns())
            served.wait_for(lambda j: j["state"] == "done", "/v1/fleet/jobs/j-1")
            assert [c.act for c in dishes.commands] == ["unstow"]
            first = served.children()["acting_process"]
            os.kill(first, signal.SIGKILL)
            add_job(tmp_path, "j-2", time.time_ns(), Order(action="clear-map"))
            served.wait_for(lambda j: j["state"] == "done", "/v1/fleet/jobs/j-2")
            assert served.children()["acting_process"] != first
            assert [c.act for c in dishes.commands] == ["unstow", "clear_obstruction_map"]
            assert served.stop() == 0


def test_a_job_of_the_command_line_waits_for_nobody_and_is_done_by_who_does_jobs(tmp_path: Path) -> None:
    """While a server does the jobs, `openleo fleet do` hands its own over."""
    with dish_fleet(1) as dishes:
        make_fleet(tmp_path, dishes.address(0))
        with serve("--data", str(tmp_path), command=("fleet", "serve")) as served:
            served.wait_for(lambda f: f["terminals"] == 1, "/v1/fleet")
            how = ["--where", "all", "--watch", "1m", "--canary", "0", "--go", "--reason", "r"]
            until = time.monotonic() + 60
            while not (tmp_path / "fleet" / "acting.lock").exists():
                assert time.monotonic() < until
                time.sleep(0.05)
            assert exit_code_of(["fleet", "do", "unstow", *how, "--data", str(tmp_path)]) == 0
            name = served.get("/v1/fleet/jobs")["items"][0]["id"]
            served.wait_for(lambda j: j["state"] == "done", f"/v1/fleet/jobs/{name}")
            assert len(dishes.commands) == 1


def test_a_folder_without_a_fleet_is_not_served(tmp_path: Path, capsys: object) -> None:
    assert exit_code_of(["fleet", "serve", "--data", str(tmp_path)]) == 1
    make_fleet(tmp_path, "192.168.100.1")
    assert exit_code_of(["fleet", "serve", "--host", "0.0.0.0", "--data", str(tmp_path)]) == 1


def test_the_page_of_a_fleet_knows_which_routes_there_are(tmp_path: Path) -> None:
    make_fleet(tmp_path, "127.0.0.1:1")
    with serve("--data", str(tmp_path), command=("fleet", "serve")) as served:
        paths = served.wait_for(lambda d: True, "/openapi.json")["paths"]
        assert "/v1/fleet/terminals" in paths
        assert "/v1/network" not in paths
        assert json.dumps(served.get("/v1/fleet/jobs")) == '{"items": []}'
