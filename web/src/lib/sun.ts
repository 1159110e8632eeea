/** Where the sun stands, well enough to shade a map (about 0.5 degrees). Astronomical Almanac, low-precision formula. */

const DEG = Math.PI / 180;

/** [longitude, latitude] in degrees of the point that has the sun overhead. */
export function subsolar(unixMs: number): [number, number] {
  const n = unixMs / 86_400_000 - 10_957.5;
  const mean = 280.46 + 0.9856474 * n, anomaly = (357.528 + 0.9856003 * n) * DEG;
  const ecliptic = (mean + 1.915 * Math.sin(anomaly) + 0.02 * Math.sin(2 * anomaly)) * DEG, tilt = (23.439 - 4e-7 * n) * DEG;
  const right = Math.atan2(Math.cos(tilt) * Math.sin(ecliptic), Math.cos(ecliptic)) / DEG;
  const lat = Math.asin(Math.sin(tilt) * Math.sin(ecliptic)) / DEG;
  const sidereal = 280.46062 + 360.98564737 * n;
  return [((right - sidereal + 540) % 360 + 360) % 360 - 180, lat];
}

/** The dark half of the Earth as a ring of [longitude, latitude]. */
export function nightRing(unixMs: number): [number, number][] {
  const [lon, lat] = subsolar(unixMs);
  const tan = Math.tan((Math.abs(lat) < 0.1 ? 0.1 * Math.sign(lat || 1) : lat) * DEG);
  const edge: [number, number][] = [];
  for (let x = -180; x <= 180; x += 2) edge.push([x, Math.atan(-Math.cos((x - lon) * DEG) / tan) / DEG]);
  const pole = lat > 0 ? -90 : 90;
  return [[-180, pole], ...edge, [180, pole], [-180, pole]];
}
