import { expect, test } from 'vitest';
import { lasted, stamp } from './time';

test('what lasts less than a minute is told in seconds', () => {
  for (const [ms, told] of [[0, '0 s'], [15_000, '15 s'], [45_000, '45 s'], [59_000, '59 s'], [60_000, '1 min'], [105_000, '2 min'], [7_200_000, '2 h']] as const) expect(lasted(ms)).toBe(told);
});

test('the first of all slots is told as the start, not as a day in 1980', () => {
  expect(stamp('1980-01-06T00:00:00Z')).toBe('the start of the network');
  expect(stamp(Date.UTC(2022, 9, 7, 0, 3, 12))).toBe('2022-10-07 00:03:12Z');
});
