/** A terminal that comes and goes: how long it was dark, in how many outages, and mostly for what. */

export interface Second { online_s: (number | null)[]; seconds: (number | null)[]; cause: string[] }
export interface Mixed { darkS: number; spanS: number; outages: number; cause: string }

const SLOT_S = 15;

/** Reads slots in order; null where it was all online or all dark, or dark but once. */
export function mixed(of: Second): Mixed | null {
  let darkS = 0, outages = 0, before = false;
  const lost = new Map<string, number>();
  of.seconds.forEach((bits, i) => {
    const all = of.online_s[i] === SLOT_S ? 2 ** SLOT_S - 1 : bits ?? 0;
    for (let s = 0; s < SLOT_S; s++) {
      const dark = !(all >> s & 1);
      if (dark) { darkS += 1; lost.set(of.cause[i], (lost.get(of.cause[i]) ?? 0) + 1); }
      if (dark && !before) outages += 1;
      before = dark;
    }
  });
  const spanS = of.seconds.length * SLOT_S, [cause] = [...lost].sort((a, b) => b[1] - a[1])[0] ?? [''];
  return outages > 1 && darkS < spanS ? { darkS, spanS, outages, cause } : null;
}

/** How many bits are set: seconds of a slot. */
export function bits(mask: number): number {
  let n = 0;
  for (let rest = mask; rest; rest &= rest - 1) n += 1;
  return n;
}
