/** The basemap's style, from files that configuration names and colours of the theme. Nothing comes from elsewhere. */
import type { ExpressionSpecification, StyleSpecification } from 'maplibre-gl';
import { base } from './api';
import { cssColour } from './states';

export interface Config { basemap: { coarse: string; fine: string; labels: string } }
export const loadConfig = async (): Promise<Config> => (await fetch(new URL('config.json', base))).json();

const geojson = (data: string | GeoJSON.GeoJSON, maxzoom = 8): { type: 'geojson'; data: string | GeoJSON.GeoJSON; maxzoom: number } => ({ type: 'geojson', data, maxzoom });
const EMPTY: GeoJSON.FeatureCollection = { type: 'FeatureCollection', features: [] };

/** Sources that the page fills: night, the selection, a satellite's track and footprint, towns, sites, an area's outline. */
export const OWN = ['night', 'picked', 'area', 'foot', 'track', 'towns', 'sites'] as const;

/** The name of a town of so many people; of a smaller one nothing. */
const ofMore = (people: number): ExpressionSpecification => ['case', ['>=', ['get', 'people'], people], ['get', 'name'], ''];

export function mapStyle({ basemap }: Config, flat: boolean): StyleSpecification {
  const url = (file: string): string => new URL(file, base).href;
  const c = cssColour;
  const text = { 'text-color': c('label'), 'text-halo-color': c('halo'), 'text-halo-width': 1.4 };
  return {
    version: 8,
    projection: { type: flat ? 'mercator' : 'globe' },
    sky: { 'atmosphere-blend': 0 },
    sources: {
      coarse: geojson(url(basemap.coarse), 4), fine: geojson(url(basemap.fine), 7), labels: geojson(url(basemap.labels), 2),
      ...Object.fromEntries(OWN.map((name) => [name, geojson(EMPTY)])),
    },
    layers: [
      { id: 'sea', type: 'background', paint: { 'background-color': c('sea') } },
      { id: 'land0', type: 'fill', source: 'coarse', maxzoom: 3, paint: { 'fill-color': c('land'), 'fill-antialias': false } },
      { id: 'border0', type: 'line', source: 'coarse', maxzoom: 3, paint: { 'line-color': c('border'), 'line-width': 0.7 } },
      { id: 'land1', type: 'fill', source: 'fine', minzoom: 3, paint: { 'fill-color': c('land'), 'fill-antialias': false } },
      { id: 'border1', type: 'line', source: 'fine', minzoom: 3, paint: { 'line-color': c('border'), 'line-width': 0.9 } },
      { id: 'night', type: 'fill', source: 'night', paint: { 'fill-color': c('night'), 'fill-opacity': 0.2, 'fill-antialias': false } },
      { id: 'foot-fill', type: 'fill', source: 'foot', paint: { 'fill-color': c('satellite'), 'fill-opacity': 0.07 } },
      { id: 'foot-line', type: 'line', source: 'foot', paint: { 'line-color': c('satellite'), 'line-width': 1.2, 'line-dasharray': [3, 2] } },
      { id: 'track', type: 'line', source: 'track', paint: { 'line-color': c('satellite'), 'line-width': 1.4, 'line-opacity': 0.75, 'line-dasharray': [1, 1.6] } },
      { id: 'area-fill', type: 'fill', source: 'area', paint: { 'fill-color': c('accent'), 'fill-opacity': 0.16, 'fill-antialias': false } },
      { id: 'area-line', type: 'line', source: 'area', paint: { 'line-color': c('accent'), 'line-width': 1.2, 'line-opacity': 0.7 } },
      { id: 'picked', type: 'line', source: 'picked', paint: { 'line-color': c('text'), 'line-width': 2.4 } },
      {
        id: 'names', type: 'symbol', source: 'labels', maxzoom: 7,
        layout: { 'text-field': ['get', 'name'], 'text-size': 11, 'text-transform': 'uppercase', 'text-letter-spacing': 0.08, 'symbol-sort-key': ['get', 'rank'], 'text-font': ['sans'], 'text-max-width': 7 }, paint: text,
      },
      {
        id: 'towns', type: 'symbol', source: 'towns', minzoom: 4,
        layout: {
          'text-field': ['step', ['zoom'], ofMore(1e6), 5, ofMore(3e5), 6, ofMore(5e4), 7.5, ['get', 'name']], 'text-size': ['interpolate', ['linear'], ['get', 'people'], 1e4, 10.5, 2e6, 13],
          'symbol-sort-key': ['-', ['get', 'people']], 'text-font': ['sans'], 'text-max-width': 8,
        }, paint: { ...text, 'text-opacity': 0.85 },
      },
      {
        id: 'sites', type: 'symbol', source: 'sites',
        layout: {
          'icon-image': ['get', 'icon'], 'icon-allow-overlap': true, 'icon-size': ['interpolate', ['linear'], ['zoom'], 1, 0.55, 5, 0.9], 'text-field': ['step', ['zoom'], '', 3.6, ['get', 'label']],
          'text-size': 11, 'text-offset': [0, 1.25], 'text-anchor': 'top', 'text-optional': true, 'text-font': ['sans'], 'symbol-sort-key': ['get', 'sort'],
        }, paint: text,
      },
    ],
  };
}

/** Signs of gateways (a dish-like gauge that fills with the antennas in use) and PoPs, drawn here: no sprites. */
export function siteIcon(kind: 'gateway' | 'pop', part: number, broken: boolean): ImageData {
  const size = 44, canvas = new OffscreenCanvas(size, size), g = canvas.getContext('2d')!;
  const colour = cssColour(kind === 'gateway' ? 'gateway' : 'pop');
  g.lineWidth = 4;
  g.strokeStyle = colour;
  g.fillStyle = cssColour('halo');
  g.beginPath();
  if (kind === 'pop') g.rect(10, 10, 24, 24);
  else { g.moveTo(22, 4); g.lineTo(40, 36); g.lineTo(4, 36); g.closePath(); }
  g.fill();
  if (kind === 'gateway' && part > 0) {
    g.save();
    g.clip();
    g.fillStyle = colour;
    g.fillRect(0, 36 - 32 * part, size, 40);
    g.restore();
  } else if (kind === 'pop') { g.fillStyle = colour; g.fillRect(16, 16, 12, 12); }
  g.stroke();
  if (broken) { g.strokeStyle = cssColour('bad'); g.lineWidth = 5; g.beginPath(); g.moveTo(6, 6); g.lineTo(38, 38); g.moveTo(38, 6); g.lineTo(6, 38); g.stroke(); }
  return g.getImageData(0, 0, size, size);
}
