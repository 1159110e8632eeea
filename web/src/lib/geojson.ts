/** The outline of a GeoJSON file as rings without their closing corner; throws where it has none. */
export function ringsOf(given: GeoJSON.GeoJSON): [number, number][][] {
  const shape = given.type === 'FeatureCollection' ? given.features[0]?.geometry : given.type === 'Feature' ? given.geometry : given;
  const rings = shape?.type === 'Polygon' ? shape.coordinates : shape?.type === 'MultiPolygon' && shape.coordinates.length === 1 ? shape.coordinates[0] : null;
  if (!rings?.length || rings[0].length < 4) throw new Error('no polygon');
  return rings.map((ring) => ring.slice(0, -1).map(([lon, lat]) => [lon, lat] as [number, number]));
}
