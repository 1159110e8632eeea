"""The page in a browser without a GPU: first meaningful paint, and tasks over 50 ms in 30 s of watching it.

Of `ukraine-2022` at x20, and of a planet at x1: 10,131 satellites, 25,000 terminals in as many cells, and the
cells of others.  Chromium renders in software (SwiftShader): with a GPU frames cost far less.  It needs
Node, the built page, `npm --prefix web ci` and a Chromium.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from _runs import OPENLEO, report

from live import LARGE

WEB = Path(__file__).resolve().parents[1] / "web"
WATCH_S = 30.0
MEANINGFUL_MS, PLANET_MEANINGFUL_MS, BUSY_PERCENT = 2_000.0, 5_000.0, 25.0


def measured(scenario: str, speed: str) -> dict[str, Any]:
    """Serve a scenario, and return what the browser told of the page."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(OPENLEO), "serve", scenario, "--speed", speed, "--data", folder, "--port", "0"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert server.stdout is not None
        try:
            address = re.search(r"http://\S+", server.stdout.readline()).group()  # type: ignore[union-attr]
            wait(address, server)
            env = {**os.environ, "OPENLEO_URL": address, "OPENLEO_WATCH_S": str(WATCH_S)}
            done = subprocess.run(
                ["node", "e2e/paint.mjs"], cwd=WEB, env=env, check=True, capture_output=True, text=True
            )
        finally:
            server.terminate()
            server.wait()
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def wait(address: str, server: "subprocess.Popen[str]") -> None:
    """Wait until some slots can be shown."""
    until = time.monotonic() + 600.0
    while time.monotonic() < until:
        if server.poll() is not None:
            raise SystemExit("the server ended")
        try:
            with urllib.request.urlopen(f"{address}/v1/network", timeout=60) as answer:
                clock = json.loads(answer.read())["clock"]
                if clock["slot"] >= clock["first_slot"] + 1:
                    return
        except OSError:
            pass
        time.sleep(0.5)
    raise SystemExit("the network did not come up")


def told(name: str, found: dict[str, Any], goal_ms: float) -> None:
    """Report one network."""
    print(f"{name}: {json.dumps(found)}")
    watching = found["watching"]
    print(f"{watching['tasks']} tasks over 50 ms in {watching['s']:.0f} s, {watching['frames']} frames")
    report(f"page: {name}, their share", 0.1 * watching["ms"] / watching["s"], "% of the time", BUSY_PERCENT)
    report(f"page: {name}, first meaningful paint", found["fmp_ms"], "ms", goal_ms)


def planet() -> dict[str, Any]:
    """Measure the planet."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "planet.toml"
        path.write_text(LARGE)
        return measured(str(path), "1")


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["country", "planet"]
    if "country" in wanted:
        told("country", measured("ukraine-2022", "20"), MEANINGFUL_MS)
    if "planet" in wanted:
        told("planet", planet(), PLANET_MEANINGFUL_MS)
