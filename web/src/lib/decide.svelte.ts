/** What people decide: areas and requests, and the acts on them. */
import { untrack } from 'svelte';
import { all, change, enc, get } from './api';
import { live } from './live.svelte';
import { Loaded } from './load.svelte';
import { session } from './session.svelte';
import type { Area, Asked, AskedWhole } from './shapes';

class Decide {
  areas = new Loaded<Area[]>();
  requests = new Loaded<Asked[]>();
  /** Grows with each act, so that what shows them reads again. */
  turn = $state(0);

  async refresh(): Promise<void> {
    this.turn += 1;
    await Promise.all([this.areas.read(() => all<Area>('/v1/areas')), this.requests.read(() => all<Asked>('/v1/requests'))]);
  }

  ask(area: string, wanted: string, reason: string, effective: string | null): Promise<Asked> {
    return this.done(change<Asked>('POST', '/v1/requests', { area, switch: wanted, reason, ...(effective ? { effective } : {}) }));
  }

  async propose(request: AskedWhole, include: string[]): Promise<Asked> {
    const signature = await session.sign('propose', request.to_propose!);
    return this.done(change<Asked>('POST', `/v1/requests/${request.id}/proposal`, { signature, include }, request.version));
  }

  async approve(request: AskedWhole): Promise<{ request: Asked; index: number }> {
    const emergency = request.state === 'emergency', verb = emergency ? 'confirm' : 'approve';
    const signature = await session.sign(verb, request.to_sign!);
    const body = emergency ? { signature } : { signature, include: request.include };
    return this.done(change('POST', `/v1/requests/${request.id}/${emergency ? 'confirmation' : 'approval'}`, body, request.version));
  }

  refuse(request: Asked, reason: string): Promise<Asked> { return this.done(change('POST', `/v1/requests/${request.id}/refusal`, { reason }, request.version)); }
  withdraw(request: Asked, reason: string): Promise<Asked> { return this.done(change('POST', `/v1/requests/${request.id}/withdrawal`, { reason }, request.version)); }
  remark(request: Asked, text: string): Promise<unknown> { return this.done(change('POST', `/v1/requests/${request.id}/remarks`, { text })); }

  async emergency(area: Area, reason: string): Promise<{ request: Asked; index: number }> {
    const { to_sign } = await get<{ to_sign: string }>(`/v1/areas/${enc(area.id)}/emergency-off`, { reason });
    return this.done(change('POST', `/v1/areas/${enc(area.id)}/emergency-off`, { reason, signature: await session.sign('emergency', to_sign) }, area.version));
  }

  create(body: Record<string, unknown>): Promise<Area> { return this.done(change<Area>('POST', '/v1/areas', body)); }

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
