/** Checks that a decision is in the signed log: the same check as `openleo log verify`, in the browser.
 *
 * c2sp.org/tlog-proof, /signed-note and /tlog-checkpoint; RFC 9162, 2.1.3.2. */
import { fromBase64, sha256, toBase64, verify } from './sign';

type Bytes = Uint8Array<ArrayBuffer>;
export interface Checked { ok: boolean; /** Which step failed, or none. */ failed: string; origin: string; size: number; root: string; index: number; hashes: number; keyId: string }

const utf8 = (text: string): Bytes => new TextEncoder().encode(text) as Bytes;
const hex = (bytes: Uint8Array): string => [...bytes].map((b) => b.toString(16).padStart(2, '0')).join('');
const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((value, i) => value === b[i]);

function join(...parts: (Uint8Array | number[])[]): Bytes {
  const out = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) { out.set(part, at); at += part.length; }
  return out;
}

export const leafHash = (leaf: Bytes): Promise<Bytes> => sha256(join([0], leaf));
const nodeHash = (left: Bytes, right: Bytes): Promise<Bytes> => sha256(join([1], left, right));

/** The root that a path from a leaf leads to; null where its length is wrong. */
export async function rootOf(leaf: Bytes, index: number, size: number, path: Bytes[]): Promise<Bytes | null> {
  if (index < 0 || index >= size) return null;
  let at = BigInt(index), last = BigInt(size - 1), computed = leaf;
  for (const sibling of path) {
    if (last === 0n) return null;
    if (at & 1n || at === last) {
      computed = await nodeHash(sibling, computed);
      while (!(at & 1n) && at) { at >>= 1n; last >>= 1n; }
    } else computed = await nodeHash(computed, sibling);
    at >>= 1n; last >>= 1n;
  }
  return last === 0n ? computed : null;
}

/** Checks a proof against the leaf as the log's tile holds it and the log's key. */
export async function checkProof(proof: string, leaf: Bytes, vkey: string): Promise<Checked> {
  const out: Checked = { ok: false, failed: 'form', origin: '', size: 0, root: '', index: -1, hashes: 0, keyId: '' };
  const cut = proof.indexOf('\n\n');
  const lines = proof.slice(0, cut).split('\n'), note = proof.slice(cut + 2);
  if (cut < 0 || lines.shift() !== 'c2sp.org/tlog-proof@v1') return out;
  if (lines[0]?.startsWith('extra ')) lines.shift();
  const index = /^index (\d+)$/.exec(lines.shift() ?? '');
  if (!index) return out;
  const path = lines.map(fromBase64) as Bytes[];
  const end = note.lastIndexOf('\n\n'), text = note.slice(0, end + 1);
  const [origin, size, root] = text.split('\n');
  Object.assign(out, { origin, size: Number(size), root, index: Number(index[1]), hashes: path.length });

  const [name, keyId, encoded] = splitKey(vkey.trim());
  const key = fromBase64(encoded) as Bytes;
  out.keyId = keyId;
  if (name !== origin || key[0] !== 1 || hex((await sha256(join(utf8(`${name}\n`), key))).subarray(0, 4)) !== keyId) return { ...out, failed: 'key' };
  const line = note.slice(end + 2).split('\n').find((one) => one.startsWith(`— ${name} `));
  const signature = line ? fromBase64(line.slice(name.length + 3)) as Bytes : null;
  if (!signature || hex(signature.subarray(0, 4)) !== keyId || !await verify(key.slice(1) as Bytes, utf8(text), signature.slice(4) as Bytes)) return { ...out, failed: 'signature' };
  const found = await rootOf(await leafHash(leaf), out.index, out.size, path);
  if (!found || !same(found, fromBase64(root))) return { ...out, failed: 'path' };
  return { ...out, ok: true, failed: '' };
}

function splitKey(vkey: string): [string, string, string] {
  const first = vkey.indexOf('+'), second = vkey.indexOf('+', first + 1);
  return [vkey.slice(0, first), vkey.slice(first + 1, second), vkey.slice(second + 1)];
}

/** Whether a leaf commits to a value of a field, given its salt. */
export async function commits(leaf: Bytes, place: number, name: string, salt: Bytes, value: string | null): Promise<boolean> {
  const header = 'openleo-decision/v1\n'.length, framed = value === null ? [0] : join([1], be(utf8(value).length, 8), utf8(value));
  const made = await sha256(join(utf8('openleo-decision/v1 field\n'), be(utf8(name).length, 2), utf8(name), salt, framed));
  return same(made, leaf.subarray(header + 32 * place, header + 32 * (place + 1)));
}

const be = (value: number, bytes: number): number[] => Array.from({ length: bytes }, (_, i) => Math.floor(value / 2 ** (8 * (bytes - 1 - i))) % 256);

/** Entry i of a bundle: each is framed by its length, 16 bits. */
export function bundleEntry(bundle: Bytes, i: number): Bytes | null {
  let at = 0;
  for (let n = 0; at + 2 <= bundle.length; n++) {
    const size = bundle[at] * 256 + bundle[at + 1];
    if (n === i) return at + 2 + size <= bundle.length ? bundle.slice(at + 2, at + 2 + size) as Bytes : null;
    at += 2 + size;
  }
  return null;
}

/** Where the bundle with an entry lies, of a log of `size` entries. */
export function bundlePath(index: number, size: number): string {
  const n = Math.floor(index / 256), width = Math.min(256, size - n * 256);
  const digits = String(n).padStart(Math.ceil(String(n).length / 3) * 3, '0').match(/.{3}/g)!;
  const path = digits.map((part, i) => (i < digits.length - 1 ? `x${part}` : part)).join('/');
  return `entries/${path}${width < 256 ? `.p/${width}` : ''}`;
}

export { toBase64 };
