/** Outages over the span of the timeline, for it and for the list. */
import { get } from './api';
import { live } from './live.svelte';
import { Loaded } from './load.svelte';
import { flyTo, select, setPlace, ui } from './place.svelte';
import type { Outage } from './shapes';
import { t } from './i18n';
import { clock, lasted } from './time';

export const BY = ['cause', 'area', 'country', 'gateway', 'satellite', 'fault', 'rule', 'account', 'group'] as const;
export type By = (typeof BY)[number];

class Outages {
  by = $derived<By>(BY.find((one) => one === ui.place.by) ?? 'cause');
  private bars = $state.raw<Outage[]>([]);
  list = new Loaded<{ items: Outage[] }>();
  private span = $state.raw([0, 0]);

  /** How long the span is, in words. */
  spanText = $derived(lasted((this.span[1] - this.span[0]) * 15_000));

  /** How many are dark at the end of the span: now, unless the past is shown. */
  atEnd(n: number): string { return live.replaying ? t('outages.end.n', { n, at: clock(live.msOf(this.span[1] - 1)) }) : t('outages.now.n', { n }); }

  groupBy(by: By): void { setPlace({ by: by === 'cause' ? null : by }); void this.readList(); }

  /** Those that the timeline draws. */
  items = $derived(this.bars);

  async read(from: number, until: number): Promise<void> {
    this.span = [from, until];
    void this.readList();
    try {
      const [faults, causes] = await Promise.all((['fault', 'cause'] as const).map((by) => get('/v1/network/outages', { query: { from, until, by } })));
      this.bars = [...faults.items.filter((one) => one.fault), ...causes.items.filter((one) => one.from_slot > from && !one.fault)];
    } catch { /* the list tells */ }
  }

  readList(): Promise<void> {
    const [from, until] = this.span, { by } = this;
    return this.list.read(() => get('/v1/network/outages', { query: { from, until, by } }));
  }

  /** Moves time and map to when most were dark, and asks why of one that was so then. */
  open(one: Outage): void {
    live.play(false);
    live.seek(live.msOf(one.peak_slot));
    const cells = live.tables!.cells, rows = one.cells.filter((row) => row >= 0);
    if (one.example) select({ kind: 'terminal', id: one.example });
    else if (rows.length) select({ kind: 'cell', id: cells.h3[rows[0]] });
    const mean = (of: number[]): number => rows.reduce((sum, row) => sum + of[row], 0) / rows.length;
    if (rows.length) {
      const spread = Math.max(...rows.map((row) => cells.latitude_deg[row])) - Math.min(...rows.map((row) => cells.latitude_deg[row]));
      flyTo(mean(cells.longitude_deg), mean(cells.latitude_deg), Math.max(3.6, Math.min(6.8, 7 - Math.log2(1 + spread))));
    }
  }
}
export const outages = new Outages();
