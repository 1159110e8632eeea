/** What is looked at, in step with the address. */
import { EVERY, HOME, readPlace, writePlace, type Narrow, type Place, type Selection, type View } from './url';

class Ui {
  place = $state.raw<Place>(typeof location === 'undefined' ? HOME : readPlace(location.search));
  /** A place that the map is asked to show; `n` tells one wish from the next. */
  fly = $state.raw<{ lon: number; lat: number; zoom: number; n: number } | null>(null);
  /** The wish that the map has followed. */
  flown = 0;
  help = $state(false);
  /** The terminal, cell or place that was looked at last: satellites pass over it. */
  ground = $state.raw<Selection | null>(null);
  /** On a phone the lists are the page, and the map is shown in their place when it is asked for. */
  narrow = $state(false);
  map = $state(false);
}
export const ui = new Ui();
let waiting = 0;

/** `push`: back returns from it; `replace`: it does not; `quiet`: the address follows when there is time. */
export function setPlace(change: Partial<Place>, how: 'push' | 'replace' | 'quiet' = 'replace'): void {
  ui.place = { ...ui.place, ...change };
  clearTimeout(waiting);
  const write = (): void => {
    const wanted = location.pathname + writePlace(ui.place);
    if (wanted !== location.pathname + location.search) history[how === 'push' ? 'pushState' : 'replaceState'](null, '', wanted);
  };
  if (how === 'quiet') waiting = window.setTimeout(write, 400);
  else write();
}

/** States of a network and of a watched fleet differ, so that no filter, and no terminal, is taken from one to the other. */
export function openView(view: View): void {
  const other = (view === 'fleet') !== (ui.place.view === 'fleet');
  ui.map = false;
  setPlace({ view, page: false, ...(other ? { only: null, sel: null } : {}) }, 'push');
}

/** Lists the terminals that fit, and no others. */
export function openTerminals(narrow: Partial<Narrow>): void {
  openView('terminals');
  setPlace({ ...EVERY, ...narrow });
}

export function select(sel: Selection | null, more: Partial<Place> = {}): void {
  for (const one of [ui.place.sel, sel]) if (one && ['terminal', 'cell', 'place'].includes(one.kind)) ui.ground = one;
  ui.map = false;
  setPlace({ sel, page: false, ...more }, 'push');
}

export function flyTo(lon: number, lat: number, zoom = 6.2): void {
  ui.fly = { lon, lat, zoom, n: (ui.fly?.n ?? 0) + 1 };
}

/** Flies there, and brings the map up where it is not seen. */
export function showOnMap(lon: number, lat: number, zoom?: number): void {
  ui.map = true;
  flyTo(lon, lat, zoom);
}
