"""Whether our own way out goes over a dish: who folds that one away cannot unfold it again.

Routes are asked of the kernel by connecting UDP sockets, which sends nothing, and where it is Linux read
from its table too.  What cannot be seen from here is which dish a router further up uses: so a dish that is
reached by the interface that leads out is taken for ours, or perhaps ours, and never for clear.
"""

import ipaddress
import os
import re
import socket
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from openleo.dish.connecting import split_address
from openleo.dish.protocol import GRPC_PORT
from openleo.fleet.register import DishEntry

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Verdict = Literal["ours", "perhaps", "clear"]
DISH_NET: Final = ipaddress.ip_network("192.168.100.0/24")
_OUTSIDE: Final = ("1.1.1.1", "2606:4700:4700::1111")  # far away; nothing is sent there
_NOTED: Final = re.compile(r"\bour[ _-]path\s*[=:]\s*(true|yes|1)\b", re.IGNORECASE)
_TABLE: Final = Path("/proc/net/route")
_TABLE_6: Final = Path("/proc/net/ipv6_route")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """How packets towards somewhere leave this machine; "" is not known."""

    source: str
    interface: str = ""
    gateway: str = ""

    def is_with(self, other: "Hop") -> bool:
        """Tell whether both leave by one interface, or from one address."""
        same = self.interface != "" and self.interface == other.interface
        return same or self.source == other.source

    def says(self) -> str:
        """Return it for people."""
        over = f" by {self.interface}" if self.interface else ""
        return f"from {self.source}{over}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What is known of our way out and a dish."""

    verdict: Verdict
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A line of the kernel's table."""

    interface: str
    network: ipaddress.IPv4Network
    gateway: str
    metric: int


def is_noted(note: str) -> bool:
    """Tell whether a kit's note says ``our_path = true``."""
    return _NOTED.search(note) is not None


def judge(dish: Address | None, towards: Hop | None, out: Sequence[Hop], *, noted: bool = False) -> Way:
    """Say whether a way out goes over a dish; ``out`` are our ways to the world and to who watches us."""
    if noted:
        return Way(verdict="ours", says="the register notes that it is on our own path")
    if dish is not None and dish.is_loopback:
        return Way(verdict="clear", says="it is served on this machine")
    if dish is None or towards is None:
        return Way(verdict="perhaps", says="how it is reached from here cannot be told")
    shared = [hop for hop in out if hop.is_with(towards)]
    if not shared:
        return Way(verdict="clear", says=f"it is reached {towards.says()}, and no way out is")
    first = shared[0]
    if dish in DISH_NET or any(_in_dish_net(hop) or hop.gateway == str(dish) for hop in shared):
        return Way(
            verdict="ours", says=f"it is reached {towards.says()}, as is the world: our own way goes over it"
        )
    return Way(
        verdict="perhaps",
        says=f"it is reached {towards.says()}, as is the world ({first.says()}): our own way may go over it",
    )


def _in_dish_net(hop: Hop) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(hop.source) in DISH_NET
    return False


class Routes:
    """This machine's routes, as they are when they are asked."""

    def __init__(self, *, watchers: Iterable[str] | None = None) -> None:
        self._watchers = tuple(_watchers() if watchers is None else watchers)

    def way(self, address: str, source: str = "", note: str = "") -> Way:
        """Say whether a way out goes over the dish at an address, asked from a source or interface."""
        host, port = split_address(address, GRPC_PORT)
        dish = _resolved(host)
        table = read_table()
        towards = None if dish is None else _towards(dish, port, source, table)
        out = [hop for one in (*_OUTSIDE, *self._watchers) if (hop := _to(one, table)) is not None]
        # Any other default route is a way out that may be taken next, such as the one by a second dish.
        ways = {(r.interface, r.gateway) for r in table if r.network.prefixlen <= 1}
        for interface, gateway in sorted(ways | {(name, "") for name in read_ways_6()}):
            out.append(Hop(source=f"any address of {interface}", interface=interface, gateway=gateway))
        return judge(dish, towards, out, noted=is_noted(note))


def way_of(routes: Routes, dishes: Sequence[DishEntry], note: str) -> Way:
    """Say whether a way out goes over a terminal that may be polled by several ways: the worst counts."""
    ways = [routes.way(dish.address, dish.source, note) for dish in dishes]
    return min(ways, key=lambda way: ("ours", "perhaps", "clear").index(way.verdict))


def _watchers() -> Iterable[str]:
    """Return who looks at us from elsewhere: the far end of the shell that we run in."""
    peer = os.environ.get("SSH_CONNECTION", "").split(" ")[0]
    return [peer] if peer else []


def _to(host: str, table: Sequence[Route]) -> Hop | None:
    address = _resolved(host)
    return None if address is None or address.is_loopback else _towards(address, 443, "", table)


def _towards(address: Address, port: int, source: str, table: Sequence[Route]) -> Hop | None:
    """Return how packets to an address leave; None where there is no way to it."""
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            bound = _bind(probe, source)
            probe.connect((str(address), port))
            own = str(probe.getsockname()[0])
    except OSError:
        return None
    route = _route_to(address, table)
    if bound:
        return Hop(source=own, interface=bound)
    if source:  # from an address of ours: the interface that has it, where the table tells
        there = [r.interface for r in table if _is_on(r, own)]
        return Hop(source=own, interface=there[0] if there else "")
    return Hop(source=own, interface=route.interface if route else "", gateway=route.gateway if route else "")


def _bind(probe: socket.socket, source: str) -> str:
    """Bind to an address, or an interface, whose name is returned."""
    if not source:
        return ""
    with suppress(ValueError):
        probe.bind((str(ipaddress.ip_address(source)), 0))
        return ""
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, source.encode() + b"\0")
    return source


def _is_on(route: Route, address: str) -> bool:
    with suppress(ValueError):
        return route.gateway == "" and ipaddress.ip_address(address) in route.network
    return False


def _route_to(address: Address, table: Sequence[Route]) -> Route | None:
    fits = [r for r in table if address.version == 4 and address in r.network]
    return max(fits, key=lambda r: (r.network.prefixlen, -r.metric), default=None)


def _resolved(host: str) -> Address | None:
    with suppress(ValueError):
        return ipaddress.ip_address(host.strip("[]"))
    with suppress(OSError):
        return ipaddress.ip_address(socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)[0][4][0])
    return None


def read_table(path: Path = _TABLE) -> list[Route]:
    """Return the kernel's table of IPv4 routes; nothing where it has none to read."""
    try:
        lines = path.read_text().splitlines()[1:]
    except OSError:
        return []
    found = []
    for line in lines:
        name, to, via, _, _, _, metric, mask = line.split()[:8]
        network = ipaddress.ip_network((_number(to), _number(mask).bit_count()), strict=False)
        assert isinstance(network, ipaddress.IPv4Network)
        gateway = "" if _number(via) == 0 else str(ipaddress.ip_address(_number(via)))
        found.append(Route(interface=name, network=network, gateway=gateway, metric=int(metric)))
    return found


def read_ways_6(path: Path = _TABLE_6) -> set[str]:
    """Return the interfaces by which IPv6 leads out; nothing where there is no table to read."""
    try:
        lines = [line.split() for line in path.read_text().splitlines()]
    except OSError:
        return set()
    return {words[-1] for words in lines if len(words) == 10 and int(words[1], 16) <= 1} - {"lo"}


def _number(text: str) -> int:
    """Return a number of the table, which is in the machine's own order of bytes."""
    return int.from_bytes(int(text, 16).to_bytes(4, "little"), "big")
