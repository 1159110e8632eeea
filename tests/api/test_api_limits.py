"""How often one may ask."""

from pathlib import Path

import pytest
from api_world import PLENTY, founded

from openleo.api.limits import Limits, Rate, TooMany


class Watch:
    """A clock in seconds that the test turns."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def taken(limits: Limits, watch: Watch, times: list[float]) -> list[bool]:
    """Ask at each of these times; return which were let through."""
    out = []
    for at in times:
        watch.now = at
        try:
            limits.take("read", "amina")
            out.append(True)
        except TooMany:
            out.append(False)
    return out


@pytest.mark.parametrize(
    ("times", "let"),
    [
        ([0, 0, 0], [True, True, False]),  # two at once
        ([0, 0, 0.99, 1.0], [True, True, False, True]),  # then one a second
        ([0, 1, 2, 3, 4], [True] * 5),
        ([0, 0, 100, 100, 100], [True, True, True, True, False]),  # a long rest saves no more than a burst
    ],
)
def test_a_rate_is_a_burst_and_then_so_many_a_second(times: list[float], let: list[bool]) -> None:
    watch = Watch()
    limits = Limits(rates={"read": Rate(per_s=1, burst=2)}, clock=watch)
    assert taken(limits, watch, times) == let


def test_a_refusal_says_when_to_come_again_and_that_is_soon_enough() -> None:
    watch = Watch()
    limits = Limits(rates={"read": Rate(per_s=0.1, burst=1)}, clock=watch)
    limits.take("read", "amina")
    with pytest.raises(TooMany) as refused:
        limits.take("read", "amina")
    watch.now += refused.value.wait_s
    limits.take("read", "amina")


def test_one_id_can_have_a_rate_of_its_own() -> None:
    limits = Limits(
        rates={"read": Rate(per_s=1, burst=1)}, overrides={("read", "robot"): Rate(per_s=1, burst=3)},
        clock=Watch(),
    )  # fmt: skip
    for _ in range(3):
        limits.take("read", "robot")
    with pytest.raises(TooMany):
        limits.take("read", "robot")


def test_a_full_table_lets_reads_through_and_counts_them_and_stops_logins() -> None:
    watch = Watch()
    rates = {"read": Rate(per_s=1, burst=9), "login": Rate(per_s=1, burst=9, closed=True)}
    limits = Limits(rates=rates, clock=watch, most_ids=2)
    limits.take("read", "a")
    limits.take("read", "b")
    limits.take("read", "c")
    assert limits.let_through == 1
    with pytest.raises(TooMany):
        limits.take("login", "d")
    watch.now = 10.0  # the others are forgotten by then
    limits.take("login", "d")


def test_over_http_a_limit_is_429_with_when_to_come_again(tmp_path: Path) -> None:
    rates = {**PLENTY, "read": Rate(per_s=0.01, burst=2), "login": Rate(per_s=0.1, burst=3, closed=True)}
    world = founded(tmp_path / "control", limits=Limits(rates=rates, clock=Watch()))
    with world.http:
        assert [world["amina"].get("/v1/me").status_code for _ in range(3)] == [200, 200, 429]
        last = world["amina"].get("/v1/me")
        assert (last.json()["type"], last.headers["Retry-After"]) == ("/problems/too-many-requests", "100")
        assert world["jonas"].get("/v1/me").status_code == 200, "another person has a limit of their own"
        body = {"name": "amina", "password": "a wrong password"}
        tried = [world.http.post("/v1/login", json=body).status_code for _ in range(4)]
        assert tried == [401, 401, 401, 429]
    world.plane.close()
