/** Requests to the server, typed by its own description (api-types.ts). A change gets a fresh key; an error becomes a `Problem` with its hint. */
import type { paths } from './api-types';

export class Problem extends Error {
  constructor(readonly status: number, readonly code: string, readonly detail: string, readonly hint: string, readonly retryS = 0) {
    super(detail);
  }
}

/** A problem out of anything that was thrown. */
export const problemOf = (error: unknown): Problem => (error instanceof Problem ? error : new Problem(0, 'unknown', String(error), ''));

export const base = new URL('.', document.baseURI);
let token: string | null = null;
let onUnknown: () => void = () => {};

export function authorise(value: string | null, unknown?: () => void): void {
  token = value;
  if (unknown) onUnknown = unknown;
}
export const bearer = (): string | null => token;

type Value = string | number | boolean | readonly string[] | null | undefined;
type Parts = Record<string, string | number>;
type Query = Record<string, Value>;

/** Routes that a method has, and what the description says of one. */
type Routes<M extends string> = { [P in keyof paths]: paths[P] extends Record<M, unknown> ? P : never }[keyof paths];
type Operation<P extends keyof paths, M extends string> = paths[P] extends Record<M, infer O> ? O : never;
type Json<R> = R extends { content: { 'application/json': infer T } } ? T : never;
export type Answer<P extends keyof paths, M extends string = 'get'> = Operation<P, M> extends { responses: infer R } ? Json<R[keyof R & (200 | 201)]> : never;
type Body<P extends keyof paths, M extends string> = Operation<P, M> extends { requestBody: { content: { 'application/json': infer B } } } ? B : Record<string, never>;
type Loose<Q> = { [K in keyof Q]: Q[K] | null | undefined };
type Given<O> = O extends { parameters: infer P } ? (P extends { path: infer X } ? { path: X } : object) & (P extends { query: infer X } ? { query: X } : P extends { query?: infer X } ? { query?: Loose<X> } : object) : object;
type Rest<O> = object extends Given<O> ? [given?: Given<O>] : [given: Given<O>];

/** A route's address: its parts filled in, its query behind it; empty values are left out. */
export function address(route: string, parts: Parts = {}, query: Query = {}): string {
  const path = route.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(parts[name])));
  const url = new URL(path.replace(/^\//, ''), base);
  for (const [name, value] of Object.entries(query)) {
    if (Array.isArray(value)) for (const one of value) url.searchParams.append(name, one);
    else if (value !== undefined && value !== null && value !== '') url.searchParams.set(name, String(value));
  }
  return url.href;
}

async function send(method: string, url: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  let response: Response;
  try {
    response = await fetch(url, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Problem(0, 'unreachable', '', '');
  }
  if (response.ok) return response;
  if (response.status === 401 && !url.endsWith('/v1/login')) onUnknown();
  throw problem(response.status, response.statusText, await response.json().catch(() => ({})), Number(response.headers.get('Retry-After') ?? 0));
}

/** A problem as RFC 9457 tells it: its code is the end of its type. */
export function problem(status: number, text: string, told: { type?: string; detail?: string; hint?: string }, retryS = 0): Problem {
  return new Problem(status, /^\/problems\/(.+)$/.exec(told.type ?? '')?.[1] ?? 'unknown', told.detail ?? text, told.hint ?? '', retryS);
}

function url(route: string, given?: { path?: unknown; query?: unknown }): string {
  return address(route, given?.path as Parts | undefined, given?.query as Query | undefined);
}

type Gets = Routes<'get'>;
export async function get<P extends Gets>(route: P, ...[given]: Rest<Operation<P, 'get'>>): Promise<Answer<P>> {
  return (await send('GET', url(route, given))).json();
}
export async function getText<P extends Gets>(route: P, ...[given]: Rest<Operation<P, 'get'>>): Promise<string> {
  return (await send('GET', url(route, given))).text();
}
export async function getBytes<P extends Gets>(route: P, ...[given]: Rest<Operation<P, 'get'>>): Promise<ArrayBuffer> {
  return (await send('GET', url(route, given))).arrayBuffer();
}

/** The page after one, by the link that it holds. */
export async function onward<P>(next: string): Promise<P> {
  return (await send('GET', new URL(next.replace(/^\//, ''), base).href)).json();
}

type Listed<P extends keyof paths> = Answer<P> extends { items: (infer T)[]; next: string | null } ? T : never;
/** All pages of a list, so many items at most. A list that changes meanwhile is asked for in an order that holds. */
export async function all<P extends Gets>(route: P, ...[given]: Rest<Operation<P, 'get'>>): Promise<Listed<P>[]> {
  type Page = { items: Listed<P>[]; next: string | null };
  const { path, query } = (given ?? {}) as { path?: Parts; query?: Query };
  const items: Listed<P>[] = [];
  let page: Page = await (await send('GET', address(route, path, { ...query, limit: 500 }))).json();
  for (;;) {
    items.push(...page.items);
    if (!page.next || items.length >= 2000) return items;
    page = await onward(page.next);
  }
}

/** Items each once, by their name: of two, the place of the first and what the later says. A list may turn between two of its pages. */
export const once = <T>(items: readonly T[], name: (item: T) => string): T[] => [...new Map(items.map((item) => [name(item), item])).values()];

const fresh = (): string => crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('');
type Changes = { path?: Parts; version?: number };
/** Changes something, once: of what was read, `version` says which version. */
export async function change<P extends Routes<'post'>>(route: P, body: Body<P, 'post'>, { path, version }: Changes = {}): Promise<Answer<P, 'post'>> {
  const headers: Record<string, string> = { 'Idempotency-Key': fresh() };
  if (version !== undefined) headers['If-Match'] = `"${version}"`;
  return (await send('POST', address(route, path), body, headers)).json();
}

/** Puts what has a name. */
export async function put<P extends Routes<'put'>>(route: P, body: Body<P, 'put'>, path: Parts): Promise<Answer<P, 'put'>> {
  return (await send('PUT', address(route, path), body, { 'Idempotency-Key': fresh() })).json();
}

export const login = async (name: string, password: string): Promise<Answer<'/v1/login', 'post'>> => (await send('POST', address('/v1/login'), { name, password })).json();
