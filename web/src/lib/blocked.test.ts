import { expect, test } from 'vitest';
import { arcs, point } from './blocked';

const horizon = (high: (azimuth: number) => number): number[] => Array.from({ length: 72 }, (_, i) => high(i * 5));

test('blocked directions are told in compass points, the highest first', () => {
  expect(arcs(horizon((a) => (a >= 45 && a <= 135 ? 44 : 10)))).toEqual([{ from: 'NE', until: 'SE', deg: 44, round: false }]);
  expect(arcs(horizon((a) => (a >= 350 || a <= 20 ? 30 : a === 180 ? 60 : 0)))).toEqual([{ from: 'S', until: 'S', deg: 60, round: false }, { from: 'N', until: 'NNE', deg: 30, round: false }]);
});

test('low all round hides nothing, high all round hides everything', () => {
  expect(arcs(horizon(() => 25))).toEqual([]);
  expect(arcs(horizon(() => 50))).toEqual([{ from: 'N', until: 'N', deg: 50, round: true }]);
  expect([0, 11, 12, 359, -90].map(point)).toEqual(['N', 'N', 'NNE', 'N', 'W']);
});
