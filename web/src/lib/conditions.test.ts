import { expect, test } from 'vitest';
import { narrowed, percent, quoted, sureness } from './conditions';

test('how terminals stand and a condition are joined so that the one holds for all of the other', () => {
  expect(narrowed(null, null)).toBe('');
  expect(narrowed('dark', null)).toBe('dark');
  expect(narrowed(null, 'site=Lviv')).toBe('site=Lviv');
  expect(narrowed('dark', 'site=Lviv or site=Odesa')).toBe('dark and (site=Lviv or site=Odesa)');
});

test('a name of several words is quoted, and cannot break out of its quotes', () => {
  expect(quoted('2026.11.12.mr90110')).toBe('2026.11.12.mr90110');
  expect(quoted('Odesa port')).toBe('"Odesa port"');
  expect(quoted('a" or all')).toBe('"a or all"');
});

test('nothing is ever wholly sure, and little is not nothing', () => {
  expect(sureness(1)).toBe('over 99 %');
  expect(sureness(0.994)).toBe('99 %');
  expect(percent(0.001)).toBe('under 1 %');
  expect(percent(0)).toBe('0 %');
  expect(percent(null)).toBe('–');
});
