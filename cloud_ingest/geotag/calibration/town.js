// The map: footprints, their corners and chimneys to snap to, the camera, its view, and the ellipses of its uncertainty.
/* global maplibregl */

const SNAP_PX = 16;
const METRES = 111320;
const SOURCES = ["roofs", "corners", "view", "ellipses", "marks"];

const collection = (features) => ({ type: "FeatureCollection", features });
const point = (lon, lat, properties = {}) => ({ type: "Feature", geometry: { type: "Point", coordinates: [lon, lat] }, properties });

function style() {
  return {
    version: 8,
    sources: Object.fromEntries(SOURCES.map((name) => [name, { type: "geojson", data: collection([]) }])),
    layers: [
      { id: "ground", type: "background", paint: { "background-color": "#0b1118" } },
      { id: "view", type: "fill", source: "view", paint: { "fill-color": "#2f8fb3", "fill-opacity": 0.16 } },
      { id: "roofs", type: "fill", source: "roofs", filter: ["==", ["get", "kind"], "roof"], paint: { "fill-color": "#2a3a4e", "fill-outline-color": "#5b7693" } },
      { id: "corners", type: "circle", source: "corners", minzoom: 16, paint: { "circle-radius": 2.5, "circle-color": "#8fb2d6" } },
      { id: "chimneys", type: "circle", source: "corners", filter: ["==", ["get", "chimney"], true], paint: { "circle-radius": 4, "circle-color": "#ffb066" } },
      { id: "ellipses", type: "line", source: "ellipses", paint: { "line-color": "#ffa24a", "line-width": 2 } },
      {
        id: "marks", type: "circle", source: "marks",
        paint: {
          "circle-radius": 7, "circle-color": "rgba(0,0,0,0)", "circle-stroke-width": 2,
          "circle-stroke-color": ["match", ["get", "state"], "wrong", "#ff6f6f", "#4ccca8"],
        },
      },
    ],
  };
}

export class Town {
  constructor(container, camera, roofs, onClick) {
    this.camera = camera;
    this.corners = roofs.flatMap(({ geometry, properties }) =>
      properties.kind === "chimney"
        ? [{ lon: geometry.coordinates[0], lat: geometry.coordinates[1], ...properties }]
        : geometry.coordinates[0].slice(0, -1).map(([lon, lat]) => ({ lon, lat, ...properties })),
    );
    this.pending = { roofs: collection(roofs), corners: collection(this.corners.map((c) => point(c.lon, c.lat, { chimney: c.kind === "chimney" }))) };
    this.labels = [];
    this.map = new maplibregl.Map({
      container, style: style(), center: [camera.lon, camera.lat], zoom: 17, maxZoom: 22, attributionControl: false,
      dragRotate: false, pitchWithRotate: false, touchPitch: false, fadeDuration: 0,
    });
    this.map.touchZoomRotate.disableRotation();
    this.map.addControl(new maplibregl.NavigationControl({ showCompass: false }), "top-right");
    this.map.addControl(new maplibregl.ScaleControl({ unit: "metric" }), "bottom-right");
    this.map.on("load", () => {
      this.ready = true;
      this.flush();
      container.dataset.ready = "yes";
      container.map = this.map; // for whoever looks in from outside, as tests do
    });
    this.map.on("click", ({ lngLat, point: at }) => onClick(this.snap(lngLat, at)));
    this.marker("◉", camera.lon, camera.lat, "camera");
    this.turn(camera.heading_deg, camera.hfov_deg);
    this.fit(roofs);
  }

  // The nearest corner or chimney within reach of the pointer, else the bare place on the ground.
  snap(lngLat, at) {
    let best = { lon: lngLat.lng, lat: lngLat.lat, height_m: 0, name: null, kind: "ground" };
    let nearest = SNAP_PX;
    for (const corner of this.corners) {
      const there = this.map.project([corner.lon, corner.lat]);
      const away = Math.hypot(there.x - at.x, there.y - at.y);
      if (away < nearest) [nearest, best] = [away, corner];
    }
    return best;
  }

  fit(roofs) {
    const near = this.corners.filter(({ lon, lat }) => this.away(lon, lat) < 160);
    const bounds = new maplibregl.LngLatBounds([this.camera.lon, this.camera.lat], [this.camera.lon, this.camera.lat]);
    for (const { lon, lat } of near.length ? near : this.corners) bounds.extend([lon, lat]);
    if (roofs.length) this.map.fitBounds(bounds, { padding: 24, animate: false, maxZoom: 19 });
  }

  away(lon, lat) {
    return Math.hypot((lat - this.camera.lat) * METRES, (lon - this.camera.lon) * METRES * Math.cos((this.camera.lat * Math.PI) / 180));
  }

  put(name, features) {
    this.pending[name] = collection(features);
    this.flush();
  }

  flush() {
    if (!this.ready) return;
    for (const [name, data] of Object.entries(this.pending)) this.map.getSource(name).setData(data);
    this.pending = {};
  }

  from(lon, lat, east, north) {
    return [lon + east / METRES / Math.cos((lat * Math.PI) / 180), lat + north / METRES];
  }

  turn(heading, hfov, lon = this.camera.lon, lat = this.camera.lat) {
    if (heading == null) return;
    const half = (hfov ?? 60) / 2;
    const rim = Array.from({ length: 21 }, (_, k) => ((heading - half + (k / 20) * 2 * half) * Math.PI) / 180);
    const ring = [[lon, lat], ...rim.map((a) => this.from(lon, lat, 300 * Math.sin(a), 300 * Math.cos(a))), [lon, lat]];
    this.put("view", [{ type: "Feature", geometry: { type: "Polygon", coordinates: [ring] }, properties: {} }]);
  }

  ellipses(found) {
    this.put(
      "ellipses",
      found.map(({ lon, lat, major_m: a, minor_m: b, azimuth_deg }) => {
        const turn = (azimuth_deg * Math.PI) / 180;
        const ring = Array.from({ length: 49 }, (_, k) => {
          const [u, v] = [a * Math.cos((k * Math.PI) / 24), b * Math.sin((k * Math.PI) / 24)];
          return this.from(lon, lat, u * Math.sin(turn) + v * Math.cos(turn), u * Math.cos(turn) - v * Math.sin(turn));
        });
        return { type: "Feature", geometry: { type: "LineString", coordinates: ring }, properties: {} };
      }),
    );
  }

  marks(marks) {
    this.put("marks", marks.map(({ lon, lat, state }) => point(lon, lat, { state })));
    for (const label of this.labels) label.remove();
    this.labels = marks.map(({ number, lon, lat }) => this.marker(String(number), lon, lat, "number"));
  }

  marker(text, lon, lat, kind) {
    const element = document.createElement("span");
    element.textContent = text;
    element.className = `label ${kind}`;
    const anchor = kind === "camera" ? "center" : "bottom-left";
    return new maplibregl.Marker({ element, anchor, offset: kind === "camera" ? [0, 0] : [6, -4] }).setLngLat([lon, lat]).addTo(this.map);
  }
}
