"""Frames of the stream: what is read is what was written, and deltas lead to the same view as snapshots."""

import runpy
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openleo.snapshot.stream import (
    BLOCK,
    HEADER,
    PARTS,
    SUMMARY,
    How,
    Kind,
    Stamp,
    View,
    apply_delta,
    decode,
    delta_parts,
    encode,
    snapshot_parts,
    view_of,
)

ROOT = Path(__file__).parents[2]
CELLS, SATELLITES, GATEWAYS, TERMINALS = 40, 30, 3, 60
STAMP = Stamp(91_302_482, 1.5e12, 1.5e12 + 20.5, 60.0, 7)


@st.composite
def views(draw: st.DrawFn) -> View:
    """A view with cells, satellites and gateways of fixed number, and some terminals of their own."""
    seed = draw(st.integers(0, 2**32 - 1))
    variety = draw(st.sampled_from([1, 2, 200]))  # of values: few, so that much stays from view to view
    rng = np.random.default_rng(seed)
    rows = {"cells": CELLS, "measures": CELLS, "satellites": SATELLITES, "gateways": GATEWAYS}
    parts: dict[str, dict[str, Any]] = {}
    for part in PARTS:
        count = rows.get(part.name, draw(st.integers(0, 12)))
        columns: dict[str, Any] = {}
        if part.name == "summary":
            count = len(SUMMARY)
        for column in part.columns:
            columns[column.name] = rng.integers(0, variety, count)
        if part.how is How.ENTRIES:
            columns["terminal"] = rng.permutation(TERMINALS)[:count]
        parts[part.name] = columns
    return view_of(parts)


def same(one: View, other: View) -> bool:
    return all(
        np.array_equal(one[part.name][c.name], other[part.name][c.name])
        and one[part.name][c.name].dtype == other[part.name][c.name].dtype
        for part in PARTS
        for c in part.columns
    )


@given(view=views())
def test_a_snapshot_is_read_as_it_was_written(view: View) -> None:
    frame = decode(encode(snapshot_parts(view), STAMP))
    assert (frame.kind, frame.base, frame.stamp) == (Kind.SNAPSHOT, STAMP.slot, STAMP)
    assert same({name: dict(part) for name, part in frame.parts.items()}, view)


@given(old=views(), new=views())
def test_a_delta_leads_to_the_same_view_as_a_snapshot(old: View, new: View) -> None:
    content = encode(delta_parts(old, new), STAMP, base=STAMP.slot - 3)
    frame = decode(content)
    assert (frame.kind, frame.base) == (Kind.DELTA, STAMP.slot - 3)
    assert same(apply_delta(old, frame), new)


@given(a=views(), b=views(), c=views())
def test_deltas_one_after_another_lead_where_one_leads(a: View, b: View, c: View) -> None:
    steps = apply_delta(apply_delta(a, told(a, b)), told(b, c))
    assert same(steps, apply_delta(a, told(a, c)))


def told(old: View, new: View) -> Any:
    return decode(encode(delta_parts(old, new), STAMP, base=1))


@given(view=views())
def test_nothing_but_what_is_always_whole_is_sent_of_a_slot_in_which_nothing_changed(view: View) -> None:
    assert set(delta_parts(view, view)) == {p.name for p in PARTS if p.how is How.WHOLE}


@given(view=views())
def test_every_block_begins_at_a_multiple_of_four_bytes(view: View) -> None:
    content = encode(snapshot_parts(view), STAMP)
    blocks = struct.unpack_from("<H", content, 44)[0]
    offsets = [BLOCK.unpack_from(content, HEADER.size + n * BLOCK.size)[3] for n in range(blocks)]
    assert blocks == sum(len(part.columns) for part in PARTS)
    assert all(offset % 4 == 0 for offset in offsets)
    assert struct.unpack_from("<I", content, 40)[0] == len(content)


def one_view() -> View:
    zeros = {part.name: {c.name: np.zeros(2) for c in part.columns} for part in PARTS}
    zeros["summary"]["values"] = np.zeros(len(SUMMARY))
    for name in ("dark", "movers"):
        zeros[name]["terminal"] = np.arange(2)
    return view_of(zeros)


def test_a_block_that_is_not_known_is_skipped() -> None:
    content = bytearray(encode(snapshot_parts(one_view()), STAMP))
    struct.pack_into("<H", content, HEADER.size, 99 * 256)
    assert "summary" not in decode(bytes(content)).parts


@pytest.mark.parametrize(
    "broken", [b"", b"OLEO", b"X" * 48, encode({}, STAMP)[:-1], encode({}, STAMP) + b"x"]
)
def test_bytes_that_are_no_whole_frame_are_refused(broken: bytes) -> None:
    with pytest.raises(ValueError):
        decode(broken)


def test_parts_that_are_left_out_are_not_in_the_frame() -> None:
    frame = decode(encode(snapshot_parts(one_view()), STAMP, leave_out=frozenset({"movers"})))
    assert "movers" not in frame.parts
    assert "dark" in frame.parts


def test_the_docs_and_the_page_have_the_layout_of_the_registry() -> None:
    """`make docs`, or `python docs/write_stream.py`, writes them again."""
    written = runpy.run_path(str(ROOT / "docs" / "write_stream.py"))
    text = written["PAGE"].read_text(encoding="utf-8")
    assert written["page"](text) == text
    if written["LAYOUT"].is_file():
        assert written["LAYOUT"].read_text(encoding="utf-8") == written["typescript"]()
