/** Which layers of the map are shown; the address holds those that are not as they begin. */
import { setPlace, ui } from './place.svelte';

export const LAYERS = ['cells', 'terminals', 'satellites', 'servingOnly', 'sites', 'names', 'night'] as const;
export type LayerName = (typeof LAYERS)[number];
const BEGINS: Record<LayerName, boolean> = { cells: true, terminals: true, satellites: true, servingOnly: false, sites: true, names: true, night: true };

class Layers {
  private turned = $derived(new Set((ui.place.layers ?? '').split(',')));
  cells = $derived(this.is('cells'));
  terminals = $derived(this.is('terminals'));
  satellites = $derived(this.is('satellites'));
  servingOnly = $derived(this.is('servingOnly'));
  sites = $derived(this.is('sites'));
  names = $derived(this.is('names'));
  night = $derived(this.is('night'));
  groups = $state<string[]>([]);
  groupsShown = $state<boolean[]>([]);

  private is(name: LayerName): boolean { return this.turned.has(name) !== BEGINS[name]; }

  turn(name: LayerName): void {
    const turned = new Set(this.turned);
    if (!turned.delete(name)) turned.add(name);
    setPlace({ layers: LAYERS.filter((one) => turned.has(one)).join(',') || null });
  }
}
export const layers = new Layers();
