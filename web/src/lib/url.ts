/** The address holds what is looked at: view, selection, instant, camera, projection, filter. */

export type Kind = 'terminal' | 'cell' | 'place' | 'satellite' | 'gateway' | 'pop' | 'area' | 'request' | 'entry' | 'job';
export interface Selection { kind: Kind; id: string }
export interface Camera { lon: number; lat: number; zoom: number }
export interface Place {
  view: View;
  sel: Selection | null;
  /** An instant in ms since 1970 while the past is replayed; null: live. */
  at: number | null;
  camera: Camera | null;
  flat: boolean;
  /** A state that the lists are narrowed to. */
  only: string | null;
  /** A terminal's own page, over everything else. */
  page: boolean;
  /** A part of the fleet's view, and what its table is narrowed to: a condition, and a text. */
  part: string | null;
  where: string | null;
  q: string | null;
}
export const VIEWS = ['status', 'outages', 'terminals', 'fleet', 'areas', 'requests', 'claims', 'log', 'sites'] as const;
export type View = (typeof VIEWS)[number];

const KINDS: readonly string[] = ['terminal', 'cell', 'place', 'satellite', 'gateway', 'pop', 'area', 'request', 'entry', 'job'];

export const HOME: Place = { view: 'status', sel: null, at: null, camera: null, flat: false, only: null, page: false, part: null, where: null, q: null };

export function readPlace(search: string): Place {
  const given = new URLSearchParams(search);
  const view = given.get('view') as View;
  const [kind, ...rest] = (given.get('sel') ?? '').split(':');
  const at = Date.parse(given.get('t') ?? '');
  const [lat, lon, zoom] = (given.get('at') ?? '').split(',').map(Number);
  return {
    view: VIEWS.includes(view) ? view : 'status',
    sel: KINDS.includes(kind) && rest.length ? { kind: kind as Kind, id: rest.join(':') } : null,
    at: Number.isNaN(at) ? null : at,
    camera: [lon, lat, zoom].every(Number.isFinite) && zoom !== undefined ? { lon, lat, zoom } : null,
    flat: given.get('map') === 'flat',
    only: given.get('only'),
    page: given.get('page') === '1',
    part: given.get('part'), where: given.get('where'), q: given.get('q'),
  };
}

export function writePlace(place: Place): string {
  const out: string[] = [];
  const add = (name: string, value: string): number => out.push(`${name}=${encodeURIComponent(value).replace(/%3A/g, ':').replace(/%2C/g, ',').replace(/%2F/g, '/')}`);
  if (place.view !== 'status') add('view', place.view);
  if (place.sel) add('sel', `${place.sel.kind}:${place.sel.id}`);
  if (place.at !== null) add('t', new Date(place.at).toISOString().replace('.000', ''));
  if (place.camera) add('at', [place.camera.lat.toFixed(3), place.camera.lon.toFixed(3), place.camera.zoom.toFixed(2)].join(','));
  if (place.flat) add('map', 'flat');
  if (place.only) add('only', place.only);
  if (place.page) add('page', '1');
  for (const name of ['part', 'where', 'q'] as const) if (place[name]) add(name, place[name]);
  return out.length ? `?${out.join('&')}` : '';
}
