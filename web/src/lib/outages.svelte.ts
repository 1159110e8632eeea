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
  list = new Loaded<{ from: number; until: number; items: Outage[] }>();
  private span = $state.raw([0, 0]);

  /** The span that what is listed is of. */
  private over = $derived(this.list.value ? [this.list.value.from, this.list.value.until] : this.span);
  /** How long the span is, in words. */
  spanText = $derived(lasted((this.span[1] - this.span[0]) * 15_000));

  /** How many are dark at the end of the span, with the instant that is meant: what is read now and then is seldom of the newest slot. */
  atEnd(n: number): string { return t('outages.end.n', { n, at: clock(live.msOf(this.over[1] - 1)) }); }

  /** It went on when the span began: its own beginning lies before what was asked for. */
  before(one: Outage): boolean { return one.from_slot <= this.over[0]; }

  /** The most that were dark at once, and when; at the span's edge it is no beginning. */
  peak(one: Outage): string {
    const at = clock(live.msOf(one.peak_slot));
    if (!one.peak) return t('outages.parts');
    return this.before(one) && one.peak_slot <= this.over[0] ? t('outages.peak.before', { n: one.peak, at }) : t('outages.peak', { n: one.peak, at });
  }

  /** From when to when, and for how long. */
  when(one: Outage): string {
    const span = lasted(Date.parse(one.end) - Date.parse(one.start)), at = clock(one.start);
    if (!this.before(one)) return `${at}–${one.open ? '' : clock(one.end)} (${span})`;
    const until = clock(one.end), all = this.over[0] <= live.firstSlot; // where nothing was told before, nobody knows of a before
    const from = all ? (one.open ? t('outages.first', { at }) : t('outages.first.until', { at, until })) : one.open ? t('outages.before', { at }) : t('outages.before.until', { at, until });
    return `${from} (${t('outages.atleast', { span })})`;
  }

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
