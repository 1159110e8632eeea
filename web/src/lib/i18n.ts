/** Words. `t(key, { n: 3 })` fills `{n}`; where a message has `one` and `other`, `n` chooses. */
import { en, type Key } from '../messages/en';
import { fr } from '../messages/fr';

export type Message = string | { one: string; other: string };
type Given = Record<string, string | number>;

const CATALOGUES: Record<string, Partial<Record<Key, Message>>> = { en, fr };
export const LANGUAGES = Object.keys(CATALOGUES);

let language = 'en';
let plural = new Intl.PluralRules('en');
let numbers = new Intl.NumberFormat('en');
let lists = new Intl.ListFormat('en');

export function setLanguage(wanted: string): void {
  language = wanted in CATALOGUES ? wanted : 'en';
  plural = new Intl.PluralRules(language);
  numbers = new Intl.NumberFormat(language);
  lists = new Intl.ListFormat(language);
}

export const count = (value: number): string => numbers.format(value);
/** Some things in a sentence: a, b, and c. */
export const list = (values: string[]): string => lists.format(values);
export const fixed = (value: number, digits = 1): string =>
  value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });

export function t(key: Key, given: Given = {}): string {
  const found: Message = CATALOGUES[language][key] ?? en[key];
  const text = typeof found === 'string' ? found : plural.select(Number(given.n)) === 'one' ? found.one : found.other;
  return text.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = given[name];
    return typeof value === 'number' ? count(value) : (value ?? `{${name}}`);
  });
}

/** A message whose key is put together; the key itself where there is none. */
export const maybe = (key: string, given: Given = {}): string => (key in en ? t(key as Key, given) : key.slice(key.indexOf('.') + 1));
