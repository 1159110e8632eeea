import { expect, it } from 'vitest';
import { apartKm, standingIn, worst } from './standing';

// Causes: 0 online, 1 no usable satellite, 20 no power, 108 off by decision, 255 not asking.
it('counts the dark of the cells that are meant, the worst first', () => {
  const cells = [5, 5, 5, 5, 5, 6, 5], found = standingIn(new Set([5]), [0, 108, 20, 20, 1, 20, 255], (i) => cells[i]);
  expect(found).toEqual({ n: 6, darkN: 4, dark: [[1, 1], [20, 2], [108, 1]] });
  expect(worst(found)).toBe('outage');
  expect(worst(standingIn(new Set([5]), [0, 0], () => 5))).toBe('online');
  expect(standingIn(new Set([-1]), [0, 20], () => 5)).toEqual({ n: 0, darkN: 0, dark: [] });
});

it('measures the ground', () => {
  expect(apartKm(50.45, 30.52, 46.48, 30.73)).toBeCloseTo(441.7, 0); // Kyiv to Odesa
  expect(apartKm(0, 179.5, 0, -179.5)).toBeCloseTo(111.2, 1);
});
