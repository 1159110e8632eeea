"""Choose Walker phasing for filed shells whose filing gives none: keep satellites farthest apart.

    python experiments/walker_phasing.py

For each shell and every whole F, the least distance between any two satellites over an orbit.
"""

import numpy as np

from openleo.base.constants import TAU, WGS84_A_M

SHELLS = [
    ("53.0-550", 550e3, 53.0, 72, 22),
    ("53.2-540", 540e3, 53.2, 72, 22),
    ("70.0-570", 570e3, 70.0, 36, 20),
    ("97.6-560 (6 x 58)", 560e3, 97.6, 6, 58),
    ("97.6-560 (4 x 43)", 560e3, 97.6, 4, 43),
]


def least_distance_m(height_m: float, inclination_rad: float, shape: tuple[int, int], phasing: int) -> float:
    """Return the least distance of satellite 0 from any other, over one orbit (all satellites are alike).

    For circular orbits r = cos u P + sin u Q, r1(u) . r2(u + d) is a constant plus a term in 2u + d, so its
    largest value is that constant plus the term's amplitude.
    """
    planes, slots = shape
    p, k = (a.ravel()[1:] for a in np.mgrid[0:planes, 0:slots])
    node = TAU * p / planes
    lead = TAU * (k + phasing * p / planes) / slots
    c, s = np.cos(inclination_rad), np.sin(inclination_rad)
    pp, qq = np.cos(node), c * c * np.cos(node) + s * s
    pq, qp = -np.sin(node) * c, np.sin(node) * c
    constant = 0.5 * (np.cos(lead) * (pp + qq) + np.sin(lead) * (pq - qp))
    swing = 0.5 * np.hypot(pp - qq, pq + qp)
    cosine = np.clip(constant + swing, -1.0, 1.0)
    return float((height_m + WGS84_A_M) * np.sqrt(2.0 - 2.0 * cosine).min())


def main() -> None:
    for name, height_m, inclination_deg, planes, slots in SHELLS:
        found = [
            (least_distance_m(height_m, np.radians(inclination_deg), (planes, slots), f), -f)
            for f in range(planes)
        ]
        distance, f = max(found)
        print(f"{name}: F = {-f} of {planes} keeps satellites {distance / 1e3:.1f} km apart")


if __name__ == "__main__":
    main()
