import { beforeAll, describe, expect, it, vi } from 'vitest';

let api: typeof import('./api');
beforeAll(async () => {
  vi.stubGlobal('document', { baseURI: 'http://127.0.0.1:8350/under/index.html' });
  api = await import('./api');
});

describe('requests', () => {
  it('fill in a route’s parts, under wherever the page is served', () => {
    expect(api.address('/v1/network/terminals/{terminal}', { terminal: 'ut 1/2' }, { slot: 7, cause: null, q: '' }))
      .toBe('http://127.0.0.1:8350/under/v1/network/terminals/ut%201%2F2?slot=7');
    expect(api.address('/v1/areas/{area_id}/effect', { area_id: 'a' }, { include: ['x', 'y'] })).toMatch(/\?include=x&include=y$/);
  });

  it('take a problem’s code from its type, as the server tells it', () => {
    const told = api.problem(409, 'Conflict', { type: '/problems/self-approval', detail: 'you proposed it', hint: 'ask jonas' }, 2);
    expect([told.code, told.detail, told.hint, told.retryS]).toEqual(['self-approval', 'you proposed it', 'ask jonas', 2]);
    expect(api.problem(502, 'Bad Gateway', {}).code).toBe('unknown');
    expect(api.problem(502, 'Bad Gateway', {}).detail).toBe('Bad Gateway');
  });

  it('read all pages of a list by the links that they hold', async () => {
    const sent: string[] = [];
    const pages = [{ items: [{ terminal: 'a' }, { terminal: 'b' }], next: '/v1/fleet/terminals?sort=terminal&after=b' }, { items: [{ terminal: 'c' }], next: null }];
    vi.stubGlobal('fetch', (url: string) => { sent.push(url); return Promise.resolve(new Response(JSON.stringify(pages[sent.length - 1]))); });
    const found = await api.all('/v1/fleet/terminals', { query: { sort: 'terminal', q: null } });
    expect(found.map((row) => row.terminal)).toEqual(['a', 'b', 'c']);
    expect(sent.map((url) => url.slice('http://127.0.0.1:8350/under/v1/fleet/terminals'.length))).toEqual(['?sort=terminal&limit=500', '?sort=terminal&after=b']);
  });

  it('show what two pages hold once, as the later tells it', () => {
    const rows = [{ id: 'a', state: 'online' }, { id: 'b', state: 'online' }, { id: 'a', state: 'dark' }];
    expect(api.once(rows, (row) => row.id)).toEqual([{ id: 'a', state: 'dark' }, { id: 'b', state: 'online' }]);
  });

  it('send a change once, with a key and the version that was read', async () => {
    const sent: [string, RequestInit][] = [];
    vi.stubGlobal('fetch', (url: string, how: RequestInit) => { sent.push([url, how]); return Promise.resolve(new Response('{}')); });
    await api.change('/v1/requests/{request_id}/refusal', { reason: 'no' }, { path: { request_id: 'r-1' }, version: 3 });
    const [url, { method, headers, body }] = sent[0] as [string, RequestInit & { headers: Record<string, string> }];
    expect([url, method, body]).toEqual(['http://127.0.0.1:8350/under/v1/requests/r-1/refusal', 'POST', '{"reason":"no"}']);
    expect(headers['If-Match']).toBe('"3"');
    expect(headers['Idempotency-Key'].length).toBeGreaterThanOrEqual(16);
  });
});
