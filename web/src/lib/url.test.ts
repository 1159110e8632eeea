import { expect, test } from 'vitest';
import { HOME, linkOf, readPlace, writePlace, type Place } from './url';

test('what is looked at survives the address', () => {
  const places: Place[] = [
    HOME,
    { ...HOME, view: 'outages', only: 'policy' },
    { ...HOME, view: 'fleet', part: 'table', only: 'dark', where: 'version=2026.11.* and not site="Odesa port"', q: 'a & b' },
    { ...HOME, view: 'fleet', part: 'jobs', sel: { kind: 'job', id: 'j-a5eda2f19c' } },
    { ...HOME, sel: { kind: 'satellite', id: '53.1-547/p69/s04' }, at: Date.UTC(2022, 9, 7, 17, 30) },
    { ...HOME, sel: { kind: 'place', id: 'Odessa, UA & more' }, camera: { lon: 30.7, lat: 46.5, zoom: 6.25 }, flat: true, page: true },
    { ...HOME, view: 'terminals', only: 'own', id: 'a&b', cause: 'OBSTRUCTED', account: 'homes', group: 'x y', area: 'west', fault: 'mains lost: west', cell: '851fb467fffffff', dark: true, partly: true },
    { ...HOME, view: 'outages', by: 'area', open: true, span: 0, layers: 'cells,servingOnly' },
    { ...HOME, span: 20 },
  ];
  for (const place of places) expect(readPlace(writePlace(place))).toEqual(place);
});

test('a link holds the filters of the view that is shown, and none of another', () => {
  const place: Place = { ...HOME, view: 'terminals', only: 'own', cause: 'POWER_OFF', cell: '851fb467fffffff', dark: true, by: 'area', where: 'dark' };
  expect(readPlace(writePlace(place))).toEqual({ ...place, by: null, where: null });
  expect(readPlace(linkOf({ ...place, view: 'outages' }, 0))).toEqual({ ...HOME, view: 'outages', only: 'own', by: 'area' });
  expect(readPlace(linkOf({ ...place, view: 'status' }, 0))).toEqual({ ...HOME, only: 'own' });
});

test('an address that says nothing or nonsense is home', () => {
  for (const text of ['', '?view=nothing', '?sel=', '?sel=cat:1', '?t=yesterday', '?at=1,2', '?at=a,b,c']) expect(readPlace(text)).toEqual(HOME);
});

test('a link to a live view holds its slot, one to the past its instant, and neither loses a filter', () => {
  const shown = Date.UTC(2022, 9, 7, 0, 3, 12), past = Date.UTC(2022, 9, 7, 0, 1);
  const place: Place = { ...HOME, view: 'terminals', cause: 'POWER_OFF', span: 10, flat: true, layers: 'night' };
  expect(readPlace(linkOf(place, shown))).toEqual({ ...place, at: shown });
  expect(readPlace(linkOf({ ...place, at: past }, shown))).toEqual({ ...place, at: past });
});
