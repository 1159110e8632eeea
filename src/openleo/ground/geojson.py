"""The parts of GeoJSON (RFC 7946) that terminals need: features, and lines with times or a speed."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from openleo.base.errors import BadInput
from openleo.ground.rows import WrongCell, to_number, to_position
from openleo.ground.track_files import checked_time
from openleo.ground.tracks import FASTEST_M_S, Track, leg_speeds_m_s, track_from_waypoints

_REPEATS = ("loop", "back-and-forth", "once")


def features(name: str, document: Any) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield (geometry, properties) of each feature; a feature's own ``id`` counts where properties have none.

    Raises BadInput where the document is neither a Feature nor a FeatureCollection.
    """
    kind = document.get("type") if isinstance(document, dict) else None
    listed = (
        [document] if kind == "Feature" else document.get("features") if kind == "FeatureCollection" else None
    )
    if not isinstance(listed, list):
        found = f"type {kind!r}" if kind is not None else "no type"
        raise BadInput(
            f"{name} is not a GeoJSON FeatureCollection ({found})", "bring a FeatureCollection of Points"
        )
    for feature in listed:
        whole = feature if isinstance(feature, dict) else {}
        geometry, properties = whole.get("geometry"), whole.get("properties")
        values = dict(properties) if isinstance(properties, dict) else {}
        values.setdefault("id", whole.get("id"))
        yield geometry if isinstance(geometry, dict) else {}, values


def moving_track(
    geometry: dict[str, Any], properties: dict[str, Any], *, name: str, start: np.datetime64 | None
) -> Track:
    """Return the track of a LineString; raises WrongCell that names the property to mend.

    ``times`` (also ``coordTimes``) gives the UTC instant of each position.  Without it ``speed_kmh`` sets a
    constant speed from ``start``, with ``repeat`` "loop" (default), "back-and-forth" or "once".
    """
    positions = [_position(place) for place in _listed(geometry.get("coordinates"), "coordinates")]
    times = properties.get("times", properties.get("coordTimes"))
    if times is not None:
        return _timed(positions, _listed(times, "times"), name)
    if "speed_kmh" not in properties:
        hint = "give `times`, one for each position, or `speed_kmh`"
        raise WrongCell("speed_kmh", "", "a LineString needs times or a speed", hint)
    if start is None:
        hint = "give `times`, or name this file in a scenario, which has a start"
        raise WrongCell(
            "speed_kmh", str(properties["speed_kmh"]), "it is not known when the movement starts", hint
        )
    speed_kmh = to_number(str(properties["speed_kmh"]), "speed_kmh", low=1e-3, high=FASTEST_M_S * 3.6)
    repeat = properties.get("repeat", "loop")
    if repeat not in _REPEATS:
        raise WrongCell(
            "repeat", str(repeat), "it is not a way to repeat", f"use one of {', '.join(_REPEATS)}"
        )
    try:
        return track_from_waypoints(
            positions, speed_m_s=speed_kmh / 3.6, start=start, repeat=repeat, name=name
        )
    except BadInput as error:
        raise WrongCell("coordinates", "", error.detail, error.hint) from error


def _listed(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list) or len(value) < 2:
        raise WrongCell(name, str(value), "a LineString needs a list of at least two", f"mend {name}")
    return value


def _position(place: Any) -> tuple[float, float]:
    if not isinstance(place, list) or len(place) < 2 or any(isinstance(v, bool) for v in place):
        raise WrongCell(
            "coordinates", str(place), "a position is [longitude, latitude]", "mend the coordinates"
        )
    return to_position(str(place[1]), str(place[0]))


def _timed(positions: list[tuple[float, float]], times: list[Any], name: str) -> Track:
    if len(times) != len(positions):
        reason = f"there are {len(times)} times for {len(positions)} positions"
        raise WrongCell("times", "", reason, "give one time for each position")
    instants = np.array([checked_time(str(time)) for time in times], dtype="datetime64[ns]")
    elapsed_s = (instants - instants[0]) / np.timedelta64(1, "s")
    late = np.diff(elapsed_s) <= 0.0
    if late.any():
        value = str(times[int(np.argmax(late)) + 1])
        raise WrongCell("times", value, "it is not after the one before", "sort by time; drop repeats")
    degrees = np.array(positions)
    if (leg_speeds_m_s(elapsed_s, degrees[:, 0], degrees[:, 1]) > FASTEST_M_S).any():
        reason = f"a leg is faster than {FASTEST_M_S:g} m/s"
        raise WrongCell("times", "", reason, "check the times and that longitude comes first")
    return Track(
        name=name,
        start=instants[0],
        elapsed_s=elapsed_s,
        latitude_deg=degrees[:, 0],
        longitude_deg=degrees[:, 1],
        loops=False,
    )
