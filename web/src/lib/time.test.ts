import { expect, test } from 'vitest';
import { lasted } from './time';

test('what lasts less than a minute is told in seconds', () => {
  for (const [ms, told] of [[0, '0 s'], [15_000, '15 s'], [45_000, '45 s'], [59_000, '59 s'], [60_000, '1 min'], [105_000, '2 min'], [7_200_000, '2 h']] as const) expect(lasted(ms)).toBe(told);
});
