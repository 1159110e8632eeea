/** The address holds what is looked at: view, selection, instant and span, camera, projection and layers, filters. */

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
  /** What the list of terminals is narrowed to, beside the state. */
  id: string | null;
  cause: string | null;
  account: string | null;
  group: string | null;
  area: string | null;
  fault: string | null;
  /** A cell by its H3 index. */
  cell: string | null;
  dark: boolean;
  partly: boolean;
  /** How outages are grouped, and whether only those that go on are listed. */
  by: string | null;
  open: boolean;
  /** Minutes that the timeline spans; 0: all; null: as it begins. */
  span: number | null;
  /** Layers of the map that are not as they begin, by comma. */
  layers: string | null;
}
export type Narrow = Pick<Place, 'only' | 'id' | 'cause' | 'account' | 'group' | 'area' | 'fault' | 'cell' | 'dark' | 'partly'>;
/** Every terminal. */
export const EVERY: Narrow = { only: null, id: null, cause: null, account: null, group: null, area: null, fault: null, cell: null, dark: false, partly: false };
const TEXTS = ['part', 'where', 'q', 'id', 'cause', 'account', 'group', 'area', 'fault', 'cell', 'by', 'layers'] as const;
const FLAGS = ['page', 'dark', 'partly', 'open'] as const;
export const VIEWS = ['status', 'outages', 'terminals', 'fleet', 'areas', 'requests', 'claims', 'log', 'sites'] as const;
export type View = (typeof VIEWS)[number];

const KINDS: readonly string[] = ['terminal', 'cell', 'place', 'satellite', 'gateway', 'pop', 'area', 'request', 'entry', 'job'];

export const HOME: Place = { view: 'status', sel: null, at: null, camera: null, flat: false, page: false, part: null, where: null, q: null, by: null, open: false, span: null, layers: null, ...EVERY };

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
    span: /^\d{1,6}$/.test(given.get('span') ?? '') ? Number(given.get('span')) : null,
    ...Object.fromEntries(TEXTS.map((name) => [name, given.get(name) || null])) as Pick<Place, (typeof TEXTS)[number]>,
    ...Object.fromEntries(FLAGS.map((name) => [name, given.get(name) === '1'])) as Pick<Place, (typeof FLAGS)[number]>,
  };
}

/** What one view alone uses: its address holds it, that of another view does not. */
const OF_VIEW: Partial<Record<keyof Place, View>> = {
  part: 'fleet', where: 'fleet', q: 'fleet', by: 'outages', open: 'outages',
  id: 'terminals', cause: 'terminals', account: 'terminals', group: 'terminals', area: 'terminals', fault: 'terminals', cell: 'terminals', dark: 'terminals', partly: 'terminals',
};
const used = (place: Place, name: keyof Place): boolean => OF_VIEW[name] === undefined || OF_VIEW[name] === place.view;

export function writePlace(place: Place): string {
  const out: string[] = [];
  const add = (name: string, value: string): number => out.push(`${name}=${encodeURIComponent(value).replace(/%3A/g, ':').replace(/%2C/g, ',').replace(/%2F/g, '/')}`);
  if (place.view !== 'status') add('view', place.view);
  if (place.sel) add('sel', `${place.sel.kind}:${place.sel.id}`);
  if (place.at !== null) add('t', new Date(place.at).toISOString().replace('.000', ''));
  if (place.camera) add('at', [place.camera.lat.toFixed(3), place.camera.lon.toFixed(3), place.camera.zoom.toFixed(2)].join(','));
  if (place.flat) add('map', 'flat');
  if (place.only) add('only', place.only);
  for (const name of FLAGS) if (place[name] && used(place, name)) add(name, '1');
  for (const name of TEXTS) if (place[name] && used(place, name)) add(name, place[name]!);
  if (place.span !== null) add('span', String(place.span));
  return out.length ? `?${out.join('&')}` : '';
}

/** What another is to see as it is seen now: of a live view its present slot, which stays. */
export const linkOf = (place: Place, shownMs: number): string => writePlace({ ...place, at: place.at ?? (shownMs || null) });
