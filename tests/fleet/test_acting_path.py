"""Whether our own way out goes over a dish, as the kernel's routes tell."""

import ipaddress
import socket
from pathlib import Path

import pytest

from openleo.fleet.acting.path import Hop, Routes, is_noted, judge, read_table, read_ways_6, way_of
from openleo.fleet.register import DishEntry

DISH = "192.168.100.1"
LAN = Hop(source="192.168.1.20", interface="eth0", gateway="192.168.1.1")
OWN_PORT = Hop(source="192.168.100.50", interface="eth1")
BEHIND_DISH = Hop(source="192.168.100.50", interface="eth0", gateway=DISH)
CASES = [
    ("by the router that leads out, as behind a dish", DISH, LAN, [LAN], "ours"),
    ("by a port of its own, while the way out is another", DISH, OWN_PORT, [LAN], "clear"),
    ("a second address on the interface that leads out", DISH, OWN_PORT,
     [Hop(source="100.64.3.7", interface="eth1", gateway="100.64.0.1")], "ours"),
    ("by the same address, where no table tells interfaces", DISH, Hop(source="192.168.1.20"),
     [Hop(source="192.168.1.20")], "ours"),
    ("the dish is the gateway", DISH, BEHIND_DISH, [BEHIND_DISH], "ours"),
    ("a second default route leads out by it", DISH, OWN_PORT,
     [LAN, Hop(source="any of eth1", interface="eth1", gateway="192.168.100.1")], "ours"),
    ("who watches us comes by it", DISH, OWN_PORT, [LAN, OWN_PORT], "ours"),
    ("a dish with an address of its own, by the way out", "10.20.0.7", LAN, [LAN], "perhaps"),
    ("a dish with an address of its own, by a tunnel", "10.20.0.7",
     Hop(source="10.20.0.1", interface="wg0"), [LAN], "clear"),
    ("there is no way out at all", DISH, OWN_PORT, [], "clear"),
    ("there is no way to it", DISH, None, [LAN], "perhaps"),
    ("it is served here", "127.0.0.1", Hop(source="127.0.0.1"), [LAN], "clear"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("dish", "towards", "out", "verdict"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_a_dish_by_which_we_may_leave_is_never_clear(
    dish: str, towards: Hop | None, out: list[Hop], verdict: str
) -> None:
    found = judge(ipaddress.ip_address(dish), towards, out)
    assert found.verdict == verdict
    assert found.says


@pytest.mark.parametrize(
    ("note", "noted"),
    [
        ("our_path = true", True), ("Roof. Our path: yes; key at desk", True), ("our_path = false", False),
        ("not on our path", False), ("", False),
    ],
)  # fmt: skip
def test_the_register_can_note_that_a_dish_is_on_our_path(note: str, noted: bool) -> None:
    assert is_noted(note) is noted
    assert (judge(ipaddress.ip_address("127.0.0.1"), None, [], noted=noted).verdict == "ours") is noted


def test_the_kernels_table_is_read(tmp_path: Path) -> None:
    table = tmp_path / "route"
    table.write_text(
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
        "eth1\t0064A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
    )
    first, second = read_table(table)
    assert (first.interface, str(first.network), first.gateway) == ("eth0", "0.0.0.0/0", "192.168.1.1")
    assert (second.interface, str(second.network), second.gateway) == ("eth1", "192.168.100.0/24", "")
    assert read_table(tmp_path / "none") == []


def test_an_interface_by_which_ipv6_alone_leads_out_is_a_way_out(tmp_path: Path) -> None:
    zero, words = "0" * 32, "00000400 00000001 00000000 00450003"
    table = tmp_path / "route6"
    table.write_text(
        f"{zero} 00 {zero} 00 fe80{'0' * 27}1 {words} eth1\n"
        f"fe80{'0' * 28} 40 {zero} 00 {zero} {words} eth2\n"
        f"{zero} 00 {zero} 00 {zero} ffffffff 00000001 00000000 00200200 lo\n"
    )
    assert read_ways_6(table) == {"eth1"}
    assert read_ways_6(tmp_path / "none") == set()


def test_on_this_machine_what_leads_out_is_not_clear_and_what_is_served_here_is() -> None:
    routes = Routes()
    assert routes.way("127.0.0.1:9200").verdict == "clear"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("1.1.1.1", 443))
        except OSError:
            pytest.skip("this machine has no way out")
    assert routes.way("203.0.113.9").verdict == "perhaps", "it is reached by the default route"


def test_of_a_dish_that_is_polled_by_two_ways_the_worse_counts() -> None:
    dishes = [DishEntry(address="127.0.0.1:9200"), DishEntry(address="no-such-host.invalid")]
    assert way_of(Routes(), dishes, "").verdict == "perhaps"
