/** Requests to the server. A change gets a fresh key; an error becomes a `Problem` with its hint. */

export class Problem extends Error {
  constructor(readonly status: number, readonly code: string, readonly detail: string, readonly hint: string, readonly retryS = 0) {
    super(detail);
  }
}

export const base = new URL('.', document.baseURI);
let token: string | null = null;
let onUnknown: () => void = () => {};

export function authorise(value: string | null, unknown?: () => void): void {
  token = value;
  if (unknown) onUnknown = unknown;
}
export const bearer = (): string | null => token;

export type Query = Record<string, string | number | boolean | null | undefined>;

export function address(path: string, query: Query = {}): string {
  const url = new URL(path.replace(/^\//, ''), base);
  for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== null && value !== '') url.searchParams.set(name, String(value));
  return url.href;
}

async function send(method: string, path: string, query?: Query, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  let response: Response;
  try {
    response = await fetch(address(path, query), { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Problem(0, 'unreachable', '', '');
  }
  if (response.ok) return response;
  if (response.status === 401 && path !== '/v1/login') onUnknown();
  const told = await response.json().catch(() => ({}));
  throw new Problem(
    response.status, told.code ?? 'unknown', told.detail ?? response.statusText, told.hint ?? '', Number(response.headers.get('Retry-After') ?? 0),
  );
}

export const get = async <T>(path: string, query?: Query): Promise<T> => (await send('GET', path, query)).json();
export const getText = async (path: string): Promise<string> => (await send('GET', path)).text();
export const getBytes = async (path: string, query?: Query): Promise<ArrayBuffer> => (await send('GET', path, query)).arrayBuffer();

export async function change<T>(method: 'POST' | 'PATCH' | 'PUT', path: string, body: unknown, version?: number): Promise<T> {
  const headers: Record<string, string> = { 'Idempotency-Key': crypto.randomUUID() };
  if (version !== undefined) headers['If-Match'] = `"${version}"`;
  return (await send(method, path, undefined, body, headers)).json();
}

export const login = async (name: string, password: string): Promise<{ person: string; token: string }> =>
  (await send('POST', '/v1/login', undefined, { name, password })).json();

/** All pages of a list, so many items at most. */
export async function all<T>(path: string, query: Query = {}, most = 2000): Promise<T[]> {
  const items: T[] = [];
  let page = await get<{ items: T[]; next: string | null }>(path, { ...query, limit: 500 });
  for (;;) {
    items.push(...page.items);
    if (!page.next || items.length >= most) return items;
    page = await get(page.next);
  }
}

export const enc = encodeURIComponent;
