"""The page that is built from web/ into static/, where it was built; else `/` says how to build it.

What is built comes with hashes in its names and may be kept; the rest is asked for again each time.
"""

from mimetypes import guess_type
from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from openleo.control.areas import NotFound

STATIC = Path(__file__).parent / "static"
POLICY = "; ".join(
    (
        "default-src 'none'", "script-src 'self'", "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self'", "connect-src 'self' ws: wss:", "worker-src 'self' blob:", "base-uri 'self'",
        "form-action 'self'", "frame-ancestors 'none'",
    )
)  # fmt: skip
NOT_BUILT = """openleo: the API works, and the page is not built.

The page is in web/ and needs Node 20.19 or newer to be built, once:

    npm --prefix web ci
    npm --prefix web run build

Then load this address again.  What can be asked without it is described at /openapi.json; `openleo --help`
lists the commands that answer the same questions.
"""
_FOREVER, _ANEW = "public, max-age=31536000, immutable", "no-cache"


def install(app: FastAPI, static: Path = STATIC) -> None:
    """Answer `/` and the files of the page; every other path stays the API's."""

    async def file(request: Request) -> Response:
        return _file(static, request.url.path, request.headers.get("accept-encoding", ""))

    async def index(request: Request) -> Response:
        if not (static / "index.html").is_file():
            return PlainTextResponse(NOT_BUILT, headers={"Cache-Control": _ANEW})
        return _file(static, "/index.html", request.headers.get("accept-encoding", ""))

    app.router.routes.append(Route("/", index, methods=["GET"]))
    for path in ("assets", "basemap"):
        app.router.routes.append(Route(f"/{path}/{{name}}", file, methods=["GET"]))
    for name in ("config.json", "icon.svg", "third-party-licences.txt"):
        app.router.routes.append(Route(f"/{name}", file, methods=["GET"]))


def _file(static: Path, path: str, accepted: str) -> Response:
    """Return a file of the page, packed where the browser takes that; raises NotFound."""
    whole = static / path.removeprefix("/")
    if not whole.is_file() or not whole.resolve().is_relative_to(static.resolve()):
        raise NotFound(f"there is no page {path[:200]}", "the page begins at /, the API at /openapi.json")
    packed = whole.with_name(f"{whole.name}.gz")
    use_packed = "gzip" in accepted and packed.is_file()
    headers = {
        "Content-Security-Policy": POLICY,
        "Cache-Control": _FOREVER if path.startswith("/assets/") else _ANEW,
        "Vary": "Accept-Encoding",
    }
    if use_packed:
        headers["Content-Encoding"] = "gzip"
    kind = guess_type(whole.name)[0] or "application/octet-stream"
    if whole.suffix == ".geojson":
        kind = "application/geo+json"
    return FileResponse(packed if use_packed else whole, media_type=kind, headers=headers)
