/** The mesh of H3 cells that the map draws: their corners in Mercator, and triangles. */
import { cellToBoundary } from 'h3-js';
import { MercatorCoordinate } from 'maplibre-gl';

export function meshOf(cells: string[]): { where: Float32Array; id: Float32Array; index: Uint32Array } {
  const where = new Float32Array(cells.length * 20), id = new Float32Array(cells.length * 10), index: number[] = [];
  let v = 0;
  cells.forEach((cell, i) => {
    const ring = cellToBoundary(cell, true).slice(0, -1), first = v, lon0 = ring[0][0];
    for (const [lon, lat] of ring) {
      const turned = lon - lon0 > 180 ? lon - 360 : lon0 - lon > 180 ? lon + 360 : lon;
      where[2 * v] = turned / 360 + 0.5;
      where[2 * v + 1] = MercatorCoordinate.fromLngLat([0, Math.max(-85, Math.min(85, lat))]).y;
      id[v++] = i;
    }
    for (let j = 1; j < ring.length - 1; j++) index.push(first, first + j, first + j + 1);
  });
  return { where: where.slice(0, 2 * v), id: id.slice(0, v), index: new Uint32Array(index) };
}
