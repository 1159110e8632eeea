"""Write the description of the API as JSON, and by npm the page's types from it; a test holds them to it.

python docs/write_openapi.py           # web/src/lib/api-types.ts, by web/node_modules
python docs/write_openapi.py FILE      # the JSON alone
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from openleo.api.app import create_app
from openleo.api.fleet_shown import FleetShown
from openleo.api.watching import Watching
from openleo.control.founding import found_network
from openleo.control.network import Network, NetworkKind
from openleo.control.plane import Plane
from openleo.results.folder import RunFolder

WEB = Path(__file__).resolve().parents[1] / "web"
TYPES = WEB / "src" / "lib" / "api-types.ts"
MARK = "// Of the description with SHA-256 "


def described() -> str:
    """Return the description of a network and fleet with a control plane, which has every route.

    No version is in it.
    """
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder) / "control"
        network = Network(name="docs", kind=NetworkKind.SIMULATED, origin="openleo.docs/log")
        found_network(where, network, {"amina": "amina", "jonas": "jonas"})
        with Plane.open(where) as plane:
            app = create_app(
                plane,
                watching=Watching(folder=RunFolder(Path(folder))),
                shown=FleetShown(folder=Path(folder)),
            )
            found: dict[str, Any] = app.openapi()
    found["info"]["version"] = "0"
    return json.dumps(found, indent=1, sort_keys=True) + "\n"


def lean(text: str) -> str:
    """Return what of a description the page's types are made from.

    Left out are words, headers, which the page's own client sends, and answers that are problems: one shape.
    """
    found = json.loads(text)
    for path in found["paths"].values():
        for told in path.values():
            told["responses"] = {
                status: answer for status, answer in told["responses"].items() if status.startswith("2")
            }
            told["parameters"] = [one for one in told.get("parameters", []) if one["in"] != "header"]
    return json.dumps(_wordless(found), sort_keys=True)


def _wordless(value: Any, *, names: bool = False) -> Any:
    """Return a part of a description without titles and descriptions; ``names``: its keys are names."""
    if isinstance(value, list):
        return [_wordless(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _wordless(one, names=key in {"properties", "schemas", "responses"})
        for key, one in value.items()
        if names or not (isinstance(one, str) and key in {"title", "description", "summary"})
    }


def digest(text: str) -> str:
    """Return what the types are marked with."""
    return hashlib.sha256(lean(text).encode()).hexdigest()


def marked() -> str:
    """Return the digest that the types hold; empty where there is none."""
    lines = TYPES.read_text(encoding="utf-8").splitlines() if TYPES.is_file() else []
    return next((line.removeprefix(MARK) for line in lines if line.startswith(MARK)), "")


def types(text: str) -> str:
    """Return the types, as openapi-typescript makes them.  Raises CalledProcessError, OSError."""
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder) / "openapi.json", Path(folder) / "api-types.ts"
        source.write_text(lean(text), encoding="utf-8")
        npx = shutil.which("npx") or "npx"
        command = [npx, "--no-install", "openapi-typescript", str(source), "-o", str(made)]
        subprocess.run(command, cwd=WEB, check=True, capture_output=True)
        body = made.read_text(encoding="utf-8")
        kept = [line for line in body.splitlines() if not line.endswith("?: never;")]
        return "\n".join(["// Written by docs/write_openapi.py.", f"{MARK}{digest(text)}", *kept, ""])


def main() -> None:
    """Write what is asked for."""
    written = described()
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(written, encoding="utf-8")
    elif (WEB / "node_modules/openapi-typescript").is_dir():
        TYPES.write_text(types(written), encoding="utf-8")
    elif marked() != digest(written):
        sys.exit(f"{TYPES.name} is not of this API, and npm's packages are missing: npm --prefix web ci")


if __name__ == "__main__":
    main()
