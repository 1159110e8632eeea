"""Physical constants, each with its source.  SI units."""

import math

LIGHT_M_S = 299_792_458.0  # exact, SI Brochure 9th edition
FIBRE_GROUP_INDEX = 1.468  # ITU-T G.652 fibre near 1550 nm (Corning SMF-28 data sheet: 1.4682)
FIBRE_ROUTE_FACTOR = 1.5  # cable length over great circle; assumed, InterTubes (SIGCOMM 2015) finds 1.3-2

WGS84_A_M = 6_378_137.0  # NIMA TR8350.2
WGS84_F = 1.0 / 298.257223563
WGS84_B_M = WGS84_A_M * (1.0 - WGS84_F)
WGS84_E2 = WGS84_F * (2.0 - WGS84_F)
EARTH_MEAN_RADIUS_M = 6_371_008.8  # IUGG mean radius R1
EARTH_ROTATION_RAD_S = 7.292115146706979e-5  # Vallado, "Revisiting Spacetrack Report #3" (2006)

GSO_RADIUS_M = 42_164_172.0  # radius of a circular orbit with one sidereal day
SECONDS_PER_DAY = 86_400.0
TAU = 2.0 * math.pi
