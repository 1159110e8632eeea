"""The examples of docs/terminal-api.md, run."""

import re
import subprocess
import sys
from pathlib import Path

from dish_fleet import Fleet

PAGE = Path(__file__).resolve().parents[2] / "docs" / "terminal-api.md"


def examples() -> list[str]:
    """Return the Python of the page."""
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_page_s_way_to_read_a_dish_works(fleet: Fleet) -> None:
    code = examples()[0]
    assert 'Dish("192.168.100.1", source="192.168.100.50")' in code
    here = code.replace("192.168.100.1", fleet.address()).replace("192.168.100.50", "127.0.0.3")
    assert run(here) == "connected []\n"


def test_the_page_s_way_to_serve_a_dish_works() -> None:
    code = examples()[1]
    assert "serve(dishes)" in code
    assert "while True:" in code
    here = code.replace("serve(dishes)", "serve(dishes, port=0, web_port=0)").replace(
        "while True:", "for _ in range(2):"
    )
    assert run(here).startswith("127.64.0.1:")
