/** A person's key. The seed of a credential file stays in this page's memory: it is never sent and never stored. */

export interface Credential { person: string; network: string; token: string; seed: Uint8Array<ArrayBuffer> }

export const toBase64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes));
export const fromBase64 = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

/** Reads a credential as `openleo person add` writes it; null where it is none. */
export function readCredential(text: string): Credential | null {
  try {
    const told = JSON.parse(text);
    const seed = fromBase64(told.seed);
    if (typeof told.person !== 'string' || typeof told.token !== 'string' || seed.length !== 32) return null;
    return { person: told.person, network: String(told.network), token: told.token, seed };
  } catch {
    return null;
  }
}

// PKCS #8 of an Ed25519 key (RFC 8410, section 7) but for its seed.
const PKCS8 = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20);

/** Signs text with the seed, base64: WebCrypto where it knows Ed25519 and the page is in a secure context, else noble-ed25519. */
export async function sign(seed: Uint8Array<ArrayBuffer>, text: string): Promise<string> {
  const message = new TextEncoder().encode(text);
  try {
    const pkcs8 = new Uint8Array([...PKCS8, ...seed]);
    const key = await crypto.subtle.importKey('pkcs8', pkcs8, 'Ed25519', false, ['sign']);
    return toBase64(new Uint8Array(await crypto.subtle.sign('Ed25519', key, message)));
  } catch {
    return toBase64((await plain()).sign(message, seed));
  }
}

export async function verify(publicKey: Uint8Array<ArrayBuffer>, message: Uint8Array<ArrayBuffer>, signature: Uint8Array<ArrayBuffer>): Promise<boolean> {
  try {
    const key = await crypto.subtle.importKey('raw', publicKey, 'Ed25519', false, ['verify']);
    return await crypto.subtle.verify('Ed25519', key, signature, message);
  } catch {
    return (await plain()).verify(signature, message, publicKey);
  }
}

/** noble-ed25519, with our own SHA-512: `crypto.subtle` is not there where the page came over plain HTTP. */
async function plain(): Promise<{ sign: (m: Uint8Array, s: Uint8Array) => Uint8Array; verify: (s: Uint8Array, m: Uint8Array, k: Uint8Array) => boolean }> {
  const [noble, { sha512 }] = await Promise.all([import('@noble/ed25519'), import('@noble/hashes/sha2.js')]);
  noble.hashes.sha512 = sha512;
  return { sign: noble.sign, verify: noble.verify };
}

export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  if (globalThis.crypto?.subtle) return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return (await import('@noble/hashes/sha2.js')).sha256(bytes) as Uint8Array<ArrayBuffer>;
}
