/** Which way the surroundings of a terminal hide the sky, in compass points. */

const POINTS = ['N', 'NNE', 'NE', 'ENE', 'E', 'ESE', 'SE', 'SSE', 'S', 'SSW', 'SW', 'WSW', 'W', 'WNW', 'NW', 'NNW'];
export const point = (azimuthDeg: number): string => POINTS[Math.round((((azimuthDeg % 360) + 360) % 360) / 22.5) % 16];

export interface Arc { from: string; until: string; deg: number; round: boolean }

/** The arcs where a horizon (degrees, evenly round from north) reaches above `least`, with how high each goes. */
export function arcs(horizon: number[], least = 25): Arc[] {
  const n = horizon.length, high = horizon.map((deg) => deg > least), at = (i: number): number => i * 360 / n;
  if (!high.includes(true)) return [];
  const start = high.indexOf(false);
  if (start < 0) return [{ from: 'N', until: 'N', deg: Math.max(...horizon), round: true }];
  const out: Arc[] = [];
  for (let k = 0, begin = -1, deg = 0; k <= n; k++) {
    const i = (start + k) % n;
    if (high[i] && k < n) { if (begin < 0) { begin = i; deg = 0; } deg = Math.max(deg, horizon[i]); }
    else if (begin >= 0) { out.push({ from: point(at(begin)), until: point(at((i - 1 + n) % n)), deg, round: false }); begin = -1; }
  }
  return out.sort((a, b) => b.deg - a.deg);
}
