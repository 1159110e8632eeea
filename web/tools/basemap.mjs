// Makes public/basemap/ from Natural Earth's shapes (npm world-atlas, public domain).
// world-atlas is stitched across the antimeridian: it is cut again there, or lines would cross the whole map.
import fs from 'node:fs';
import { geoEquirectangular } from 'd3-geo';
import { geoProject } from 'd3-geo-projection';
import { feature } from 'topojson-client';

const OUT = 'public/basemap';
const plane = geoEquirectangular().scale(180 / Math.PI).translate([0, 0]).precision(0);
const flip = (c) => (Array.isArray(c[0]) ? c.map(flip) : [Math.round(c[0] * 1e2) / 1e2, -Math.round(c[1] * 1e2) / 1e2]);

function cut(geometry) {
  const flat = geoProject(geometry, plane);
  if (flat) flat.coordinates = flip(flat.coordinates);
  return flat;
}

/** Twice the area of a ring and its centroid. */
function centroid(ring) {
  let area = 0, x = 0, y = 0;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const f = ring[j][0] * ring[i][1] - ring[i][0] * ring[j][1];
    area += f; x += (ring[i][0] + ring[j][0]) * f; y += (ring[i][1] + ring[j][1]) * f;
  }
  return [Math.abs(area), x / (3 * area), y / (3 * area)];
}

function label(shape) {
  const polygons = shape.geometry.type === 'Polygon' ? [shape.geometry.coordinates] : shape.geometry.coordinates;
  const [size, x, y] = polygons.map((p) => centroid(p[0])).sort((a, b) => b[0] - a[0])[0];
  return {
    type: 'Feature',
    properties: { name: shape.properties.name, rank: Math.round(-size) },
    geometry: { type: 'Point', coordinates: [+x.toFixed(2), +y.toFixed(2)] },
  };
}

const write = (name, features) =>
  fs.writeFileSync(`${OUT}/${name}.geojson`, JSON.stringify({ type: 'FeatureCollection', features }));

fs.mkdirSync(OUT, { recursive: true });
for (const [scale, name] of [['110m', 'world110'], ['50m', 'world50']]) {
  const topology = JSON.parse(fs.readFileSync(`node_modules/world-atlas/countries-${scale}.json`));
  const shapes = feature(topology, topology.objects.countries).features
    .map((f) => ({ type: 'Feature', properties: { name: f.properties.name }, geometry: cut(f.geometry) }))
    .filter((f) => f.geometry);
  write(name, shapes);
  if (scale === '110m') write('labels', shapes.map(label));
}
