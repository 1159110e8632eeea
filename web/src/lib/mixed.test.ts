import { expect, test } from 'vitest';
import { bits, mixed } from './mixed';

const ALL = 2 ** 15 - 1;
const of = (...slots: [number, string][]) => ({ seconds: slots.map(([mask]) => mask), online_s: slots.map(([mask]) => bits(mask)), cause: slots.map(([, cause]) => cause) });

test('who comes and goes is told with its seconds, its outages and its commonest cause', () => {
  // Dark for 5 s, then for 10 s over the border of two slots, then for 15 s.
  const found = mixed(of([ALL & ~0b11111, 'OBSTRUCTED'], [0b1111111111, 'OBSTRUCTED'], [ALL & ~0b11111, 'OBSTRUCTED'], [0, 'NO_SATS'], [ALL, 'ONLINE']));
  expect(found).toEqual({ darkS: 30, spanS: 75, outages: 3, cause: 'OBSTRUCTED' });
});

test('one outage, none, and nothing but dark are not on and off', () => {
  expect(mixed(of([ALL, 'ONLINE'], [ALL, 'ONLINE']))).toBeNull();
  expect(mixed(of([0, 'POWER_OFF'], [0, 'POWER_OFF']))).toBeNull();
  expect(mixed(of([ALL, 'ONLINE'], [0, 'POWER_OFF'], [ALL, 'ONLINE']))).toBeNull();
  expect(mixed({ seconds: [], online_s: [], cause: [] })).toBeNull();
});

test('seconds are the bits that are set', () => {
  expect([0, 1, 0b1010, ALL].map(bits)).toEqual([0, 1, 2, 15]);
});
