import { expect, test } from 'vitest';
import { ringsOf } from './geojson';

const ring = [[30, 46], [31, 46], [31, 47], [30, 46]];
test('one polygon is taken from whatever holds it', () => {
  const polygon = { type: 'Polygon', coordinates: [ring] } as const;
  const want = [[[30, 46], [31, 46], [31, 47]]];
  for (const given of [polygon, { type: 'Feature', properties: {}, geometry: polygon }, { type: 'FeatureCollection', features: [{ type: 'Feature', properties: {}, geometry: polygon }] }, { type: 'MultiPolygon', coordinates: [[ring]] }]) {
    expect(ringsOf(given as GeoJSON.GeoJSON)).toEqual(want);
  }
});
test('what has no polygon, or several, is refused', () => {
  for (const given of [{ type: 'Point', coordinates: [1, 2] }, { type: 'FeatureCollection', features: [] }, { type: 'MultiPolygon', coordinates: [[ring], [ring]] }]) expect(() => ringsOf(given as GeoJSON.GeoJSON)).toThrow();
});
