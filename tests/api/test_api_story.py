"""The story of two people, over HTTP."""

from typing import Any

from api_world import World


def asked(world: World, **more: Any) -> dict[str, Any]:
    """Ask for Kherson to be switched on; return the request."""
    body = {"area": "kherson", "switch": "on", "reason": "the hospital asks", **more}
    made = world["amina"].post("/v1/requests", body)
    assert made.status_code == 201, made.text
    found: dict[str, Any] = made.json()
    return found


def test_an_area_is_on_when_a_second_person_has_approved(world: World, area: dict[str, Any]) -> None:
    third = world.add_person("oksana", "owner")
    request = asked(world)
    shown = world["jonas"].get(f"/v1/requests/{request['id']}").json()
    signature = world["jonas"].sign("propose", shown["to_propose"])
    proposed = world["jonas"].post(f"/v1/requests/{request['id']}/proposal", {"signature": signature})
    assert (proposed.status_code, proposed.json()["state"]) == (201, "proposed")

    text = third.get(f"/v1/requests/{request['id']}").json()["to_sign"]
    granted = third.post(f"/v1/requests/{request['id']}/approval", {"signature": third.sign("approve", text)})
    assert granted.status_code == 201, granted.text
    assert granted.json()["request"]["state"] == "granted"

    world.clock.turn(minutes=1)
    now = world["amina"].get("/v1/areas/kherson").json()
    assert (now["switch"], now["acts"], now["version"]) == ("on", "on", 2)
    history = world["amina"].get("/v1/areas/kherson/history").json()["items"]
    assert [(h["kind"], h["by"]) for h in history] == [("area.defined", "amina"), ("area.switched", "oksana")]
    proof = world.http.get(f"/v1/log/proof/{granted.json()['index']}")
    assert proof.status_code == 200
    assert proof.text.startswith("c2sp.org/tlog-proof@v1")


def test_whoever_proposed_cannot_approve(world: World, area: dict[str, Any]) -> None:
    request = asked(world)
    jonas = world["jonas"]
    path = f"/v1/requests/{request['id']}"
    text = jonas.get(path).json()["to_propose"]
    jonas.post(f"{path}/proposal", {"signature": jonas.sign("propose", text)})
    answer = jonas.post(f"{path}/approval", {"signature": jonas.sign("approve", text)})
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/self-approval")
