/** What people decide: areas and requests, and the acts on them. */
import { untrack } from 'svelte';
import { all, change, get } from './api';
import type { components } from './api-types';
import { live } from './live.svelte';
import { Loaded } from './load.svelte';
import { session } from './session.svelte';
import type { Area, Asked, AskedWhole, Decided } from './shapes';

export type NewArea = components['schemas']['AreaIn'];

class Decide {
  areas = new Loaded<Area[]>();
  requests = new Loaded<Asked[]>();
  /** Grows with each act, so that what shows them reads again. */
  turn = $state(0);

  async refresh(): Promise<void> {
    this.turn += 1;
    await Promise.all([this.areas.read(() => all('/v1/areas')), this.requests.read(() => all('/v1/requests'))]);
  }

  ask(area: string, wanted: 'on' | 'off', reason: string, effective: string | null): Promise<Asked> {
    return this.done(change('/v1/requests', { area, switch: wanted, reason, ...(effective ? { effective } : {}) }));
  }

  /** `include`: the life-critical terminals that are to be cut too. The bytes name them, so they are read anew. */
  async propose(request: Asked, include: string[]): Promise<Asked> {
    const path = { request_id: request.id }, { to_propose, version } = await get('/v1/requests/{request_id}', { path, query: { include } });
    const signature = await session.sign('propose', to_propose!);
    return this.done(change('/v1/requests/{request_id}/proposal', { signature, include }, { path, version }));
  }

  async approve(request: AskedWhole, include: string[]): Promise<Decided> {
    const path = { request_id: request.id }, { version } = request;
    if (request.state === 'emergency') return this.done(change('/v1/requests/{request_id}/confirmation', { signature: await session.sign('confirm', request.to_sign!) }, { path, version }));
    return this.done(change('/v1/requests/{request_id}/approval', { signature: await session.sign('approve', request.to_sign!), include }, { path, version }));
  }

  refuse({ id, version }: Asked, reason: string): Promise<Asked> { return this.done(change('/v1/requests/{request_id}/refusal', { reason }, { path: { request_id: id }, version })); }
  withdraw({ id, version }: Asked, reason: string): Promise<Asked> { return this.done(change('/v1/requests/{request_id}/withdrawal', { reason }, { path: { request_id: id }, version })); }
  remark({ id }: Asked, text: string): Promise<unknown> { return this.done(change('/v1/requests/{request_id}/remarks', { text }, { path: { request_id: id } })); }

  async emergency({ id, version }: Area, reason: string): Promise<Decided> {
    const path = { area_id: id }, { to_sign } = await get('/v1/areas/{area_id}/emergency-off', { path, query: { reason } });
    return this.done(change('/v1/areas/{area_id}/emergency-off', { reason, signature: await session.sign('emergency', to_sign) }, { path, version }));
  }

  create(body: NewArea): Promise<unknown> { return this.done(change('/v1/areas', body)); }

  private async done<T>(work: Promise<T>): Promise<T> {
    const result = await work;
    await this.refresh();
    return result;
  }
}
export const decide = new Decide();

/** Keeps the lists fresh while a view that shows them is open: others decide too. */
export function keepFresh(): void {
  $effect(() => {
    void session.me;
    untrack(() => void decide.refresh());
    const timer = window.setInterval(() => { if (document.visibilityState === 'visible' && live.connected) void decide.refresh(); }, 4000);
    return () => clearInterval(timer);
  });
}
