import { expect, test } from 'vitest';
import { circle, Ephemeris, footprintDeg, hermite, lonLatHeight, readChunk } from './ephemeris';

const R = 6921, W = Math.sqrt(398600.4418 / R ** 3);
const state = (t: number): number[] => [R * Math.cos(W * t), R * Math.sin(W * t), 0, -R * W * Math.sin(W * t), R * W * Math.cos(W * t), 0];

test('between keyframes 60 s apart a circular orbit is met within a metre', () => {
  const a = new Float32Array(state(0)), b = new Float32Array(state(60));
  for (const t of [0, 15, 30, 45, 60]) {
    const got = hermite(a, b, 0, t / 60, 60), want = state(t);
    expect(Math.hypot(got[0] - want[0], got[1] - want[1], got[2] - want[2]) * 1000).toBeLessThan(1.5);
  }
});

test('a place is read from Earth-fixed coordinates', () => {
  const [lon, lat, height] = lonLatHeight([0, 6921.0088, 0]);
  expect(lon).toBeCloseTo(90); expect(lat).toBeCloseTo(0); expect(height).toBeCloseTo(550_000, 0);
});

test('a footprint at 550 km and 25 degrees has a radius of about 941 km', () => {
  expect(footprintDeg(550_000, 25) * 111.195).toBeCloseTo(941, -1);
  for (const [lon, lat] of circle(30, 50, 8)) {
    const f = Math.PI / 180, cos = Math.sin(50 * f) * Math.sin(lat * f) + Math.cos(50 * f) * Math.cos(lat * f) * Math.cos((lon - 30) * f);
    expect(Math.acos(cos) / f).toBeCloseTo(8, 5);
  }
});

test('a chunk is asked for once, and after a failure later again', async () => {
  const frames = [state(0), state(60), state(120)].map((x) => new Float32Array(x));
  let calls = 0;
  const here = new Ephemeris(60, 120, async () => { calls++; return { frames }; });
  expect(here.pair(30)).toBeNull(); expect(here.pair(31)).toBeNull();
  await Promise.resolve();
  expect(calls).toBe(1); expect(here.pair(30)?.s).toBe(0.5); expect(here.pair(119)?.b).toBe(frames[2]);
  let tried = 0;
  const broken = new Ephemeris(60, 120, async () => { tried++; throw new Error('no'); });
  broken.at(0, 1); await Promise.resolve(); await Promise.resolve(); broken.at(0, 1);
  expect(tried).toBe(1);
});

test('a chunk is read as it is written', () => {
  const buffer = new ArrayBuffer(24 + 2 * 6 * 4), view = new DataView(buffer);
  'EPH1'.split('').forEach((c, i) => view.setUint8(i, c.charCodeAt(0)));
  view.setUint32(4, 1, true); view.setUint32(8, 2, true); view.setUint32(12, 60, true);
  new Float32Array(buffer, 24).set([...state(0), ...state(60)]);
  expect(readChunk(buffer).frames.map((f) => f[0])).toEqual([new Float32Array(state(0))[0], new Float32Array(state(60))[0]]);
  view.setUint8(0, 0);
  expect(() => readChunk(buffer)).toThrow();
});
