/** Positions of satellites: chunks of keyframes (Earth-fixed, km and km/s), Hermite between them. */

export const EARTH_KM = 6371.0088;
const KEPT = 12;
const AGAIN_MS = 5000;

export interface Chunk { frames: Float32Array[] }
export interface Pair { key: number; a: Float32Array; b: Float32Array; /** Part of the step that has passed, 0..1. */ s: number }

/** Reads a chunk: 16 bytes of header, the time of the first keyframe, then 6 numbers for each satellite of each. */
export function readChunk(buffer: ArrayBuffer): Chunk {
  const view = new DataView(buffer), satellites = view.getUint32(4, true), keyframes = view.getUint32(8, true);
  if (view.getUint32(0, true) !== 0x31485045) throw new Error('this is no chunk of an ephemeris');
  const n = satellites * 6;
  return { frames: Array.from({ length: keyframes }, (_, k) => new Float32Array(buffer, 24 + k * n * 4, n)) };
}

export class Ephemeris {
  private kept = new Map<number, Chunk>();
  private asked = new Set<number>();
  private failed = new Map<number, number>();

  /** `load` gives chunk n, which begins at GPS second n * chunkS. */
  constructor(
    readonly stepS: number, readonly chunkS: number, private load: (n: number) => Promise<Chunk>, private arrived: () => void = () => {},
  ) {}

  private chunk(n: number): Chunk | undefined {
    const found = this.kept.get(n);
    if (!found && !this.asked.has(n) && (this.failed.get(n) ?? 0) < Date.now()) {
      this.asked.add(n);
      this.load(n).then(
        (chunk) => {
          this.asked.delete(n);
          this.kept.set(n, chunk);
          if (this.kept.size > KEPT) this.kept.delete(this.kept.keys().next().value!);
          this.arrived();
        },
        () => { this.asked.delete(n); this.failed.set(n, Date.now() + AGAIN_MS); },
      );
    }
    return found;
  }

  /** The keyframes about an instant; null while they are not here. */
  pair(gpsS: number): Pair | null {
    const n = Math.floor(gpsS / this.chunkS), at = (gpsS - n * this.chunkS) / this.stepS, k = Math.floor(at);
    const chunk = this.chunk(n);
    if (k * this.stepS > 0.7 * this.chunkS) this.chunk(n + 1);
    return chunk && chunk.frames[k + 1] ? { key: n * 1000 + k, a: chunk.frames[k], b: chunk.frames[k + 1], s: at - k } : null;
  }

  /** Where satellite i is, km; null while that is not known. */
  at(i: number, gpsS: number): [number, number, number] | null {
    const pair = this.pair(gpsS);
    if (!pair || (i + 1) * 6 > pair.a.length) return null;
    const where = hermite(pair.a, pair.b, i, pair.s, this.stepS);
    return Number.isNaN(where[0]) ? null : where;
  }
}
export function hermite(a: Float32Array, b: Float32Array, i: number, s: number, stepS: number): [number, number, number] {
  const s2 = s * s, s3 = s2 * s, o = i * 6;
  const p0 = 2 * s3 - 3 * s2 + 1, v0 = (s3 - 2 * s2 + s) * stepS, p1 = 3 * s2 - 2 * s3, v1 = (s3 - s2) * stepS;
  const at = (c: number): number => p0 * a[o + c] + v0 * a[o + 3 + c] + p1 * b[o + c] + v1 * b[o + 3 + c];
  return [at(0), at(1), at(2)];
}

/** Earth-fixed km to [longitude deg, latitude deg, height m] on the sphere that the map draws. */
export function lonLatHeight([x, y, z]: readonly [number, number, number]): [number, number, number] {
  const r = Math.hypot(x, y, z);
  return [Math.atan2(y, x) * 180 / Math.PI, Math.asin(z / r) * 180 / Math.PI, (r - EARTH_KM) * 1000];
}

/** Great-circle circle of `radiusDeg` about a point, for a footprint. */
export function circle(lon: number, lat: number, radiusDeg: number, n = 72): [number, number][] {
  const d = radiusDeg * Math.PI / 180, f = lat * Math.PI / 180;
  return Array.from({ length: n + 1 }, (_, i) => {
    const b = i / n * 2 * Math.PI;
    const g = Math.asin(Math.sin(f) * Math.cos(d) + Math.cos(f) * Math.sin(d) * Math.cos(b));
    const l = Math.atan2(Math.sin(b) * Math.sin(d) * Math.cos(f), Math.cos(d) - Math.sin(f) * Math.sin(g));
    return [lon + l * 180 / Math.PI, g * 180 / Math.PI];
  });
}

/** Radius on the ground, degrees of arc, within which a satellite is at least so high. */
export function footprintDeg(heightM: number, elevationDeg: number): number {
  const e = elevationDeg * Math.PI / 180, r = EARTH_KM * 1000;
  return (Math.acos(r * Math.cos(e) / (r + heightM)) - e) * 180 / Math.PI;
}
