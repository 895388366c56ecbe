// Small-area geometry for drawing only: metres east and north of a point on the WGS-84 sphere, good to centimetres over a town.

const METRES_PER_DEGREE = 111320;

export function offset({ lat, lon }, bearingDeg, metres) {
  const angle = (bearingDeg * Math.PI) / 180;
  return [
    lon + (metres * Math.sin(angle)) / (METRES_PER_DEGREE * Math.cos((lat * Math.PI) / 180)),
    lat + (metres * Math.cos(angle)) / METRES_PER_DEGREE,
  ];
}

export function collection(features) {
  return { type: "FeatureCollection", features };
}

export function feature(type, coordinates, properties = {}) {
  return { type: "Feature", geometry: { type, coordinates }, properties };
}

// What a camera sees, as a sector of the map.
export function cone(camera, metres) {
  const steps = 24;
  const ring = [[camera.lon, camera.lat]];
  for (let step = 0; step <= steps; step += 1) {
    ring.push(offset(camera, camera.heading_deg - camera.hfov_deg / 2 + (camera.hfov_deg * step) / steps, metres));
  }
  ring.push(ring[0]);
  return [ring];
}

export function bounds(points) {
  const lons = points.map((point) => point[0]);
  const lats = points.map((point) => point[1]);
  return [
    [Math.min(...lons), Math.min(...lats)],
    [Math.max(...lons), Math.max(...lats)],
  ];
}

export function pointsOf(rooftops) {
  return rooftops.flatMap((roof) => roof.geometry.coordinates[0]);
}
