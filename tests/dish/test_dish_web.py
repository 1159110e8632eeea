"""gRPC-Web as a browser or a tool speaks it: HTTP/1.1 on a dish's second port."""

import base64
import http.client
import socket
from collections.abc import Iterator
from urllib.parse import unquote

import pytest

from dish_fleet import Fleet, dish_name
from openleo.dish.protocol import HANDLE, messages
from openleo.dish.web_calls import frame

KIND = "application/grpc-web+proto"


@pytest.fixture
def http_dish(fleet: Fleet) -> Iterator[http.client.HTTPConnection]:
    """A connection to the dish's second port."""
    connection = http.client.HTTPConnection(fleet.web_address(), timeout=10)
    yield connection
    connection.close()


def asking(case: str = "get_status") -> bytes:
    """Return one framed request."""
    request = messages().Request()
    getattr(request, case).SetInParent()
    return frame(0, request.SerializeToString())


def frames(body: bytes) -> list[tuple[int, bytes]]:
    found, at = [], 0
    while at < len(body):
        size = int.from_bytes(body[at + 1 : at + 5], "big")
        found.append((body[at], body[at + 5 : at + 5 + size]))
        at += 5 + size
    return found


def trailers(data: bytes) -> dict[str, str]:
    pairs = (line.partition(":") for line in data.decode().splitlines())
    return {name: unquote(value) for name, _, value in pairs}


def test_a_reply_is_a_message_and_a_status(http_dish: http.client.HTTPConnection) -> None:
    http_dish.request("POST", HANDLE, asking(), {"Content-Type": KIND})
    answer = http_dish.getresponse()
    assert (answer.status, answer.headers["content-type"]) == (200, KIND)
    (first, data), (second, status) = frames(answer.read())
    assert (first, second) == (0, 128)
    reply = messages().Response.FromString(data)
    assert reply.dish_get_status.device_info.id == dish_name(0)
    assert trailers(status) == {"grpc-status": "0"}


def test_several_requests_go_over_one_connection(http_dish: http.client.HTTPConnection) -> None:
    ids = set()
    for _ in range(3):
        http_dish.request("POST", HANDLE, asking("get_device_info"), {"Content-Type": KIND})
        data = frames(http_dish.getresponse().read())[0][1]
        ids.add(messages().Response.FromString(data).get_device_info.device_info.id)
        assert http_dish.sock is not None
    assert ids == {dish_name(0)}


def test_an_error_is_a_status_in_the_words_of_a_real_dish(http_dish: http.client.HTTPConnection) -> None:
    http_dish.request("POST", HANDLE, asking("wifi_get_clients"), {"Content-Type": KIND})
    ((flag, status),) = frames(http_dish.getresponse().read())
    assert flag == 128
    assert trailers(status) == {
        "grpc-status": "12",
        "grpc-message": "Unimplemented: *device.Request_WifiGetClients",
    }


def test_text_is_base64_both_ways(http_dish: http.client.HTTPConnection) -> None:
    kind = "application/grpc-web-text"
    http_dish.request("POST", HANDLE, base64.b64encode(asking()), {"Content-Type": kind})
    answer = http_dish.getresponse()
    assert answer.headers["content-type"].startswith(kind)
    (_, data), _ = frames(base64.b64decode(answer.read(), validate=True))
    assert messages().Response.FromString(data).HasField("dish_get_status")


def test_a_request_may_come_in_chunks(http_dish: http.client.HTTPConnection) -> None:
    parts = iter([asking()[:3], asking()[3:]])
    http_dish.request("POST", HANDLE, parts, {"Content-Type": KIND}, encode_chunked=True)
    assert len(frames(http_dish.getresponse().read())) == 2


@pytest.mark.parametrize("name", ["Origin", "Referer"])
def test_a_page_of_another_origin_gets_an_empty_answer_and_no_leave(
    http_dish: http.client.HTTPConnection, fleet: Fleet, name: str
) -> None:
    """Else any web page that somebody opens could stow the dish of the network they are on."""
    before = len(fleet.commands)
    headers = {"Content-Type": KIND, name: "http://elsewhere.example/page"}
    for method in ("POST", "OPTIONS"):
        http_dish.request(method, HANDLE, asking("dish_stow") if method == "POST" else None, headers)
        answer = http_dish.getresponse()
        assert (answer.status, answer.read()) == (200, b"")
        assert "access-control-allow-origin" not in answer.headers
    assert len(fleet.commands) == before


@pytest.mark.parametrize("origin", ["http://evil.example", "http://evil.example:9201", "null", "http://[::1"])
def test_a_name_that_is_made_to_point_here_is_another_origin(
    http_dish: http.client.HTTPConnection, fleet: Fleet, origin: str
) -> None:
    before = len(fleet.commands)
    headers = {"Content-Type": KIND, "Origin": origin, "Host": origin.removeprefix("http://")}
    http_dish.request("POST", HANDLE, asking("dish_stow"), headers)
    assert http_dish.getresponse().read() == b""
    assert len(fleet.commands) == before


def test_its_own_page_may_ask(http_dish: http.client.HTTPConnection, fleet: Fleet) -> None:
    own = f"http://{fleet.web_address()}"
    http_dish.request("OPTIONS", HANDLE, headers={"Origin": own})
    answer = http_dish.getresponse()
    answer.read()
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (204, own)
    http_dish.request("POST", HANDLE, asking(), {"Content-Type": KIND, "Origin": own})
    answer = http_dish.getresponse()
    assert len(frames(answer.read())) == 2
    assert answer.headers["access-control-allow-origin"] == own


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/SpaceX.API.Device.Device/Nothing", asking(), "12"),
        (HANDLE, b"", "13"),
        (HANDLE, b"\0\0\0\0\x09short", "13"),
        (HANDLE, frame(0, b"\xff\xff\xff"), "13"),
        (HANDLE, frame(1, b"zip"), "13"),
        (HANDLE, frame(0, b""), "12"),
    ],
)
def test_what_is_no_request_is_a_status_too(
    http_dish: http.client.HTTPConnection, path: str, body: bytes, code: str
) -> None:
    http_dish.request("POST", path, body, {"Content-Type": KIND})
    ((_, status),) = frames(http_dish.getresponse().read())
    assert trailers(status)["grpc-status"] == code


@pytest.mark.parametrize(
    ("method", "kind", "status"),
    [("GET", KIND, 405), ("POST", "application/json", 415), ("POST", "application/grpc", 415)],
)
def test_other_methods_and_types_are_http_errors(
    http_dish: http.client.HTTPConnection, method: str, kind: str, status: int
) -> None:
    http_dish.request(method, HANDLE, None, {"Content-Type": kind})
    assert http_dish.getresponse().status == status


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/2\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", b"413"),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", b"413"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n", b"413"),
        (b"POST / HTTP/1.1\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", b"431"),
    ],
)
def test_broken_http_ends_the_connection_and_not_the_dish(fleet: Fleet, sent: bytes, answer: bytes) -> None:
    host, port = fleet.web_address().split(":")
    with socket.create_connection((host, int(port)), timeout=10) as one:
        one.sendall(sent)
        got = b""
        try:
            while part := one.recv(4096):
                got += part
        except ConnectionResetError:  # it closed while more of the request was on its way
            pass
    assert got[:13].startswith(b"HTTP/1.1 " + answer)
    connection = http.client.HTTPConnection(fleet.web_address(), timeout=10)
    connection.request("POST", HANDLE, asking(), {"Content-Type": KIND})
    assert connection.getresponse().status == 200
    connection.close()
