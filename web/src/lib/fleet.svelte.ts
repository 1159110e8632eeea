/** A fleet as telemetry tells it: whether this server has one, how it stands, what of it is chosen to be told something. */
import { SvelteSet } from 'svelte/reactivity';
import { get, Problem, type Answer } from './api';
import type { paths } from './api-types';
import { Loaded } from './load.svelte';
import { setPlace, ui } from './place.svelte';
import type { FleetNow } from './shapes';

export const PARTS = ['now', 'table', 'versions', 'usage', 'jobs'] as const;
export type Part = (typeof PARTS)[number];
export const STANDS = ['online', 'poor', 'dark', 'silent', 'never-seen'] as const;
export type Stands = (typeof STANDS)[number];
export type Sort = NonNullable<NonNullable<paths['/v1/fleet/terminals']['get']['parameters']['query']>['sort']>;
export type Rows = Answer<'/v1/fleet/terminals'>;

const EVERY_MS = 10_000;
const FIND_MS = 30_000;
/** So long without an answer, and what is shown is called old. */
const OLD_MS = 35_000;

class Fleet {
  now = new Loaded<FleetNow>();
  /** This server shows a fleet; `alone`: and no network. */
  there = $state(false);
  alone = $state(false);
  /** When the server answered last, ms since 1970; `clock` goes on. */
  heardAt = $state(0);
  clock = $state(Date.now());
  /** Counts up as the fleet is read again: what else is shown of it follows. */
  turn = $state(0);
  chosen = new SvelteSet<string>();
  private timer = 0;

  part = $derived((PARTS.includes(ui.place.part as Part) ? ui.place.part : 'now') as Part);
  /** How the terminals stand that the table is narrowed to. */
  only = $derived(STANDS.find((one) => one === ui.place.only) ?? null);
  lost = $derived(this.heardAt > 0 && this.clock - this.heardAt > OLD_MS);
  stale = $derived(this.lost || (this.now.value?.stale.some((line) => line.startsWith('STALE')) ?? false));

  /** Reads the fleet of a server without a network; throws what the server says. */
  async begin(): Promise<void> {
    const first = await get('/v1/fleet');
    this.alone = true;
    this.take(first);
  }

  /** Looks whether there is a fleet beside the network; where its telemetry has not begun, again later. */
  async find(): Promise<void> {
    try {
      this.take(await get('/v1/fleet'));
    } catch (error) {
      if (!(error instanceof Problem) || ![403, 404].includes(error.status)) window.setTimeout(() => void this.find(), FIND_MS);
    }
  }

  private take(first: FleetNow): void {
    this.now.value = first;
    this.now.loading = false;
    this.there = true;
    this.heardAt = Date.now();
    if (this.alone && ui.place.view !== 'fleet') setPlace({ view: 'fleet' });
  }

  async read(): Promise<void> {
    await this.now.read(() => get('/v1/fleet'));
    if (!this.now.problem) this.heardAt = Date.now();
    this.turn += 1;
  }

  /** Keeps it fresh while it is looked at; returns how to end that. */
  watch(): () => void {
    const ticking = window.setInterval(() => { this.clock = Date.now(); }, 1000);
    if (!this.timer) this.timer = window.setInterval(() => { if (document.visibilityState === 'visible') void this.read(); }, EVERY_MS);
    void this.read();
    return () => { clearInterval(ticking); clearInterval(this.timer); this.timer = 0; };
  }
}
export const fleet = new Fleet();

export const openPart = (part: Part, more: { where?: string | null; only?: string | null; q?: string | null } = {}): void => setPlace({ view: 'fleet', part: part === 'now' ? null : part, page: false, ...more }, 'push');

export { narrowed, percent, quoted, sureness } from './conditions';
