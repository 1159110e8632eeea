import { expect, test } from 'vitest';
import { nightRing, subsolar } from './sun';

test('the sun stands over the tropic at the solstice, and over Greenwich at noon but for the equation of time', () => {
  const [lon, lat] = subsolar(Date.UTC(2024, 5, 20, 12));
  expect(lat).toBeCloseTo(23.43, 1); expect(Math.abs(lon)).toBeLessThan(1);
  const [west] = subsolar(Date.UTC(2022, 10, 3, 12)); // the sun is 16.4 minutes early: 4.1 degrees west
  expect(west).toBeCloseTo(-4.1, 0);
});

test('midnight lies in the night and noon does not', () => {
  const ring = nightRing(Date.UTC(2022, 9, 7, 12));
  const edge = (x: number): number => ring.find(([lon]) => Math.abs(lon - x) <= 1)![1];
  expect(ring[0][1]).toBe(90); // the sun is south: the north pole is dark
  expect(edge(0)).toBeGreaterThan(60); expect(edge(180)).toBeLessThan(-60);
});
