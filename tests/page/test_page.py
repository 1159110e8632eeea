"""The page: what the server gives of it, and walks through it in a real browser against the real server."""

import json
import runpy
import subprocess
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from openleo.api import page, problems

WEB = Path(__file__).resolve().parents[2] / "web"


def _client(static: Path) -> TestClient:
    app = FastAPI()
    app.add_api_route("/v1/thing", lambda: {"is": "there"})
    page.install(app, static)
    problems.install(app)
    return TestClient(app, raise_server_exceptions=False)


def test_without_the_page_the_root_says_how_to_build_it_and_the_api_works(tmp_path: Path) -> None:
    client = _client(tmp_path / "static")
    told = client.get("/")
    assert told.status_code == 200
    assert "npm --prefix web run build" in told.text
    assert client.get("/v1/thing").json() == {"is": "there"}


def test_the_page_is_served_packed_and_kept_where_its_name_holds_a_hash(tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<p>page")
    (tmp_path / "assets/a-1.js").write_text("plain")
    (tmp_path / "assets/a-1.js.gz").write_bytes(b"\x1f\x8bnot really")
    client = _client(tmp_path)
    root = client.get("/")
    assert root.text == "<p>page"
    assert root.headers["cache-control"] == "no-cache"
    assert "script-src 'self'" in root.headers["content-security-policy"]
    plain = client.get("/assets/a-1.js", headers={"Accept-Encoding": "identity"})
    assert plain.text == "plain"
    assert "immutable" in plain.headers["cache-control"]
    with client.stream("GET", "/assets/a-1.js", headers={"Accept-Encoding": "gzip"}) as packed:
        assert packed.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize(
    "path", ["/assets/none.js", "/basemap/..%2f..%2fpage.py", "/config.json", "/elsewhere"]
)
def test_what_is_not_of_the_page_is_not_found(tmp_path: Path, path: str) -> None:
    (tmp_path / "index.html").write_text("<p>page")
    assert _client(tmp_path).get(path).status_code == 404


def test_the_pages_types_are_those_of_the_api() -> None:
    """`python docs/write_openapi.py` writes them again."""
    made = runpy.run_path(str(WEB.parent / "docs" / "write_openapi.py"))
    assert made["marked"]() == made["digest"](made["described"]()), "write them anew: docs/write_openapi.py"


def test_the_pages_types_are_what_the_description_yields(node: str) -> None:
    made = runpy.run_path(str(WEB.parent / "docs" / "write_openapi.py"))
    assert made["TYPES"].read_text(encoding="utf-8") == made["types"](made["described"]())


def test_the_page_asks_and_reads_only_what_the_api_has(node: str) -> None:
    """svelte-check: every request and every field is typed by the description."""
    _run(["npx", "--no-install", "svelte-check", "--tsconfig", "tsconfig.json", "--fail-on-warnings"])


def test_every_package_of_the_page_has_its_reason() -> None:
    package = json.loads((WEB / "package.json").read_text(encoding="utf-8"))
    reasons = (WEB.parent / "docs/adr/0013-web.md").read_text(encoding="utf-8")
    names = {*package["dependencies"], *package["devDependencies"]}
    assert sorted(name for name in names if f"| `{name}` |" not in reasons) == []


def test_units_of_the_page_hold(node: str) -> None:
    """Decoder, interpolation, proof, address, messages: Vitest."""
    _run(["npx", "--no-install", "vitest", "run"])


def test_a_day_at_the_page(node: str, served: Any) -> None:
    """Counts, causes, replay, an area drawn, two people, the stated slot, the proof, undone."""
    _run([node, "e2e/walk.mjs"], served)


@pytest.mark.slow
def test_somebody_new_finds_one_meaning_for_each_number(node: str, served: Any) -> None:
    """Counts and rows, a link, a phone, one that comes and goes, an outage's peak, the flat map."""
    _run([node, "e2e/newcomer.mjs"], served)


@pytest.mark.slow
def test_no_view_breaks_wcag_in_either_theme(node: str, served: Any) -> None:
    _run([node, "e2e/views.mjs"], served)


def test_without_webgl_the_lists_remain(node: str, served: Any) -> None:
    _run([node, "e2e/plain.mjs"], served)


@pytest.mark.slow
def test_a_day_with_the_fleet(node: str, fleet_served: Any) -> None:
    """Headline, why, filters, software, and jobs on served dishes, as people do it."""
    _run([node, "e2e/fleet-walk.mjs"], fleet_served)


@pytest.mark.slow
def test_no_view_of_the_fleet_breaks_wcag_in_either_theme(node: str, fleet_served: Any) -> None:
    _run([node, "e2e/fleet-views.mjs"], fleet_served)


@pytest.mark.slow
def test_an_old_fleet_is_called_old_and_where_nobody_logs_in_nobody_acts(node: str, old_fleet: Any) -> None:
    _run([node, "e2e/fleet-states.mjs", "old"], old_fleet)


@pytest.mark.slow
def test_an_empty_fleet_says_how_to_fill_it(node: str, empty_fleet: Any) -> None:
    _run([node, "e2e/fleet-states.mjs", "empty"], empty_fleet)


def _run(command: list[str], served: Any = None) -> None:
    done = subprocess.run(
        command, cwd=WEB, env=served and served.env, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
