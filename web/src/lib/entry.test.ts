import { expect, it } from 'vitest';
import { told } from './entry';

it('names both people of a decision, its reason and from when on it acts', () => {
  const found = told({
    by: 'jonas',
    fields: {
      by: ['jonas', 'amina'], action: 'off', reason: 'the feeder', effective: 89942512, request: 'r-1', terminals: ['ut-hospital'], counts: { cells: 20 },
      signatures: { 'approve jonas': 'A', 'propose amina': 'B' }, body: { more: { asked_by: 'amina' } },
    },
  });
  expect(found).toEqual({
    people: ['jonas', 'amina'], asked: 'amina', reason: 'the feeder', action: 'off', effective: 89942512, request: 'r-1', terminals: ['ut-hospital'], counts: [['cells', 20]],
    signatures: [['jonas', 'approve'], ['amina', 'propose']],
  });
});

it('says what is left of an entry whose fields were erased', () => {
  expect(told({ by: 'amina', fields: {} })).toMatchObject({ people: ['amina'], asked: null, reason: '', effective: null, terminals: [] });
  expect(told({ by: null, fields: {} }).people).toEqual([]);
});
