import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { en, type Key } from '../messages/en';
import { fr } from '../messages/fr';
import { maybe, setLanguage, t } from './i18n';
import { CAUSES, causeName } from './states';

const root = new URL('..', import.meta.url).pathname;
const source = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.(svelte|ts)$/.test(file) && !/test\.ts$|messages\//.test(file))
  .map((file) => readFileSync(root + file, 'utf8')).join('\n');
/** Beginnings of keys that are put together: t(`state.${...}`). */
const begun = [...source.matchAll(/(?:\bt|maybe)\(`([\w.]+\.)\$\{/g)].map((found) => found[1]);

test('every message that is asked for is there', () => {
  const asked = [...source.matchAll(/\bt\('([^']+)'/g)].map((found) => found[1]);
  expect(asked.length).toBeGreaterThan(150);
  expect(asked.filter((key) => !(key in en))).toEqual([]);
  expect(begun.filter((part) => !Object.keys(en).some((key) => key.startsWith(part)))).toEqual([]);
});

/** What is said in the brackets of a call, from its first letter. */
function inside(from: number): string {
  let open = 1, to = from;
  while (open && to < source.length) open += { '(': 1, ')': -1 }[source[to++]] ?? 0;
  return source.slice(from, to);
}

test('whoever asks for a message fills its blanks', () => {
  const empty = [...source.matchAll(/\bt\('([^']+)'/g)].flatMap((found) => {
    const call = inside(found.index + 2);
    return (JSON.stringify(en[found[1] as Key]).match(/\{\w+\}/g) ?? []).filter((blank) => !new RegExp(`\\b${blank.slice(1, -1)}\\b`).test(call.slice(found[1].length + 2))).map((blank) => found[1] + blank);
  });
  expect([...new Set(empty)]).toEqual([]);
});

test('every message is used', () => {
  const unused = Object.keys(en).filter((key) => !source.includes(`'${key}'`) && !begun.some((part) => key.startsWith(part)));
  expect(unused).toEqual([]);
});

test('each cause has a name, and each that is dark something to do', () => {
  for (const cause of CAUSES) {
    expect(en).toHaveProperty([`cause.${causeName(cause)}`]);
    if (cause !== 0 && cause !== 255) expect(en).toHaveProperty([`todo.${causeName(cause)}`]);
  }
});

test('what is translated has the same blanks', () => {
  const blanks = (message: unknown): string[] => [...new Set(JSON.stringify(message).match(/\{\w+\}/g) ?? [])].sort();
  for (const [key, message] of Object.entries(fr)) expect(blanks(message), key).toEqual(blanks(en[key as Key]));
});

test('numbers choose the form and are grouped; what is missing falls back', () => {
  expect(t('outages.terminals', { n: 1 })).toBe('1 terminal');
  expect(t('outages.terminals', { n: 25_000 })).toBe('25,000 terminals');
  setLanguage('fr');
  expect(t('act.close')).toBe('Close');
  setLanguage('en');
  expect(maybe('cause.SOMETHING_NEW')).toBe('SOMETHING_NEW');
});
