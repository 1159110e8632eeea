/** Who stands in some cells, and how they fare: counts for a card, so that no cell is called well whose terminals are dark. */
import { IDLE, stateNumber, stateOf, type State } from './states';

/** `dark` holds causes with their counts, the worst state and the most first. */
export interface Standing { n: number; darkN: number; dark: [cause: number, n: number][] }

/** Worse states first: what failed, what a terminal lacks, what was decided. */
const BADNESS = [3, 0, 2, 1, 4];

export function standingIn(cells: ReadonlySet<number>, causes: ArrayLike<number>, cellOf: (terminal: number) => number): Standing {
  const byCause = new Map<number, number>();
  let n = 0;
  for (let i = 0; i < causes.length; i++) {
    if (!cells.has(cellOf(i))) continue;
    n += 1;
    if (causes[i] !== 0 && causes[i] !== IDLE) byCause.set(causes[i], (byCause.get(causes[i]) ?? 0) + 1);
  }
  const dark = [...byCause].sort(([a, na], [b, nb]) => BADNESS[stateNumber(a)] - BADNESS[stateNumber(b)] || nb - na);
  return { n, darkN: dark.reduce((sum, [, one]) => sum + one, 0), dark };
}

export const worst = ({ dark }: Standing): State => (dark.length ? stateOf(dark[0][0]) : 'online');

/** How far two points of the ground are from each other, km. */
export function apartKm(aLat: number, aLon: number, bLat: number, bLon: number): number {
  const f = Math.PI / 180, h = Math.sin((bLat - aLat) * f / 2) ** 2 + Math.cos(aLat * f) * Math.cos(bLat * f) * Math.sin((bLon - aLon) * f / 2) ** 2;
  return 2 * 6371 * Math.asin(Math.min(1, Math.sqrt(h)));
}
