"""Home Assistant's integration against served dishes; pytest runs this in an environment of its own.

Addresses come as ADDRESSES, each ``state=host:port``.
"""

import json
import os

import pytest
from homeassistant.components.starlink.const import DOMAIN
from homeassistant.const import CONF_IP_ADDRESS
from pytest_homeassistant_custom_component.common import MockConfigEntry

ADDRESSES = json.loads(os.environ["ADDRESSES"])


async def set_up(hass, address, name):
    entry = MockConfigEntry(domain=DOMAIN, data={CONF_IP_ADDRESS: address}, title=name, unique_id=name)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    return entry


@pytest.mark.parametrize("state", sorted(ADDRESSES))
async def test_every_entity_is_there(hass, state):
    entry = await set_up(hass, ADDRESSES[state], state)
    states = {one.entity_id: one.state for one in hass.states.async_all()}
    assert len(states) >= 25
    gone = {name for name, value in states.items() if value == "unavailable"}
    times = {"time.starlink_sleep_start", "time.starlink_sleep_end"}
    assert gone == (set() if state == "asleep" else times)  # its times are there while the schedule is on
    drop = float(states["sensor.starlink_ping_drop_rate"])
    assert drop == (0 if state == "online" else 100)  # percent
    assert states["binary_sensor.starlink_sleep"] == ("on" if state == "asleep" else "off")
    location = hass.data[DOMAIN][entry.entry_id].data.location
    assert location["latitude"] == (None if state == "no_sats" else 50.0)  # not enabled there
    assert await hass.config_entries.async_unload(entry.entry_id)


async def test_its_switch_stows_a_dish(hass):
    entry = await set_up(hass, ADDRESSES["online"], "online")
    (switch,) = [one for one in hass.states.async_entity_ids("switch") if "stow" in one]
    await hass.services.async_call("switch", "turn_on", {"entity_id": switch}, blocking=True)
    assert await hass.config_entries.async_unload(entry.entry_id)
