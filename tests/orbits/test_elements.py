"""The struct of arrays that element sets live in."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from openleo.orbits.elements import ElementSets, read_elements
from openleo.orbits.walker import walker_delta

EPOCH = np.datetime64("2022-10-07T12:00:00.123456", "ns")


def six() -> ElementSets:
    return walker_delta(
        total=6, planes=3, phasing=1, inclination_rad=0.9, altitude_m=550e3, epoch=EPOCH, name="shell"
    )


def test_sets_are_taken_by_index_and_by_mask() -> None:
    sets = six()
    taken = sets.take([4, 0])
    assert taken.name == ("shell-2-0", "shell-0-0")
    assert list(taken.catalogue_number) == [5, 1]
    masked = sets.take(sets.catalogue_number > 4)
    assert masked.name == ("shell-2-0", "shell-2-1")
    np.testing.assert_array_equal(masked.mean_anomaly_rad, sets.mean_anomaly_rad[4:])


def test_sets_are_joined_in_order() -> None:
    sets = six()
    joined = ElementSets.join([sets.take([5]), sets.take([0, 1])])
    assert len(joined) == 3
    assert joined.name == ("shell-2-1", "shell-0-0", "shell-0-1")
    assert joined.designator == ("", "", "")


def test_lengths_that_differ_are_refused() -> None:
    sets = six()
    fields = {name: getattr(sets, name) for name in ElementSets.__dataclass_fields__}
    with pytest.raises(ValueError, match=r"bstar has shape \(5,\), expected \(6,\)"):
        ElementSets(**(fields | {"bstar": sets.bstar[:5]}))
    with pytest.raises(ValueError, match="designator has 1 entries, name has 6"):
        ElementSets(**(fields | {"designator": ("x",)}))


def test_julian_dates_keep_the_microsecond() -> None:
    sets = six()
    assert sets.epoch_jd_day[0] == 2_459_859.5
    assert sets.epoch_jd_fraction[0] * 86_400 == pytest.approx(43_200.123456, abs=1e-9)


def test_every_set_of_the_real_files_is_read(test_data: Path) -> None:
    expected = {
        "orbits/starlink_2022-09-14.tle": 3023,
        "orbits/oneweb_2022-09-14.tle": 426,
        "orbits/starlink_2022-12-01.tle": 3280,
        "orbits/starlink_2026-08-22.tle": 10_744,
        "orbits/kuiper_2026-08-22.tle": 391,
        "performance/satinview_ucl_2024-07-17/elements.tle.gz": 6226,
    }
    for name, count in expected.items():
        result = read_elements(test_data / name)
        assert (len(result.sets), result.problems, result.duplicates) == (count, (), 0), name
        assert (result.sets.semi_major_axis_m > 6_500e3).all()
        assert all(result.sets.designator)


def test_reading_element_sets_imports_no_compiler() -> None:
    # The command line reads and lists sets; numba alone would cost it most of a second.
    code = "import sys, openleo.orbits.elements, openleo.orbits.walker; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
