/** What an entry of the log says, for those who may read it: who, why, what, from when on. */
import type { EntryWhole } from './shapes';

export interface Told { people: string[]; asked: string | null; reason: string; action: string; effective: number | null; request: string | null; terminals: string[]; counts: [string, number][]; signatures: [who: string, act: string][] }

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const texts = (value: unknown): string[] => (Array.isArray(value) ? value.filter((one) => typeof one === 'string') : typeof value === 'string' ? [value] : []);
/** A signature's label, `approve jonas`, as the person and what they did. */
const signer = (label: string): [string, string] => { const at = label.indexOf(' '); return at < 0 ? [label, ''] : [label.slice(at + 1), label.slice(0, at)]; };
const record = (value: unknown): Record<string, unknown> => (value && typeof value === 'object' && !Array.isArray(value) ? value as Record<string, unknown> : {});

export function told({ by, fields }: Pick<EntryWhole, 'by' | 'fields'>): Told {
  const more = record(record(fields.body).more), people = texts(fields.by);
  return {
    people: people.length || !by ? people : [by],
    asked: text(more.asked_by) || null,
    reason: text(fields.reason),
    action: text(fields.action),
    effective: typeof fields.effective === 'number' ? fields.effective : null,
    request: text(fields.request) || null,
    terminals: texts(fields.terminals),
    counts: Object.entries(record(fields.counts)).filter((one): one is [string, number] => typeof one[1] === 'number'),
    signatures: Object.keys(record(fields.signatures)).map(signer),
  };
}
