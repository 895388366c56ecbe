// The map: the town as it stands, what each camera sees, and where an alert may come from. Labels are HTML, set as text.
/* global maplibregl */

import { ground } from "./alerts.js";
import { el } from "./dom.js";
import { bounds, collection, cone, feature, offset, pointsOf } from "./geometry.js";
import { nightStyle } from "./style.js";
import { percent, t } from "./words.js";

const VIEW_METRES = 140;
const RAY_BEYOND_METRES = 25;
const RAY_METRES = 300;
const LABELLED_CANDIDATES = 4;
const CLOSEST = 18.5;
const NAMES_FROM_ZOOM = 17.6;
const MOST_NAMES = 80;

export class TownMap {
  constructor(container, { readout, legend, onPick }) {
    this.readout = readout;
    this.legend = legend;
    this.onPick = onPick;
    this.roofs = new Map(); // id -> GeoJSON feature
    this.gateways = [];
    this.ready = false; // until the style is there, data waits in `pending`
    this.pending = new Map();
    this.markers = { names: [], gateways: [], alerts: [] };
    this.focused = false; // on one alert, so that roofs that arrive later do not move the view away
    this.labelled = new Set();
    this.drawn = {};
    this.seen = new Set(); // what the first view has taken in: a town that loads in two steps is fitted twice
    this.map = new maplibregl.Map({
      container,
      style: nightStyle(),
      center: [116.4, 39.9],
      zoom: 3,
      maxZoom: 20,
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      fadeDuration: 0,
    });
    this.map.touchZoomRotate.disableRotation();
    this.map.addControl(new maplibregl.NavigationControl({ showCompass: false }), "top-right");
    this.map.addControl(new maplibregl.ScaleControl({ unit: "metric" }), "bottom-right");
    this.map.on("load", () => {
      this.ready = true;
      this.flush();
    });
    this.map.on("moveend", () => this.nameRoofs());
    this.map.on("mousemove", (event) => this.describe(event));
    this.map.on("click", (event) => this.describe(event));
    this.map.getCanvas().addEventListener("mouseleave", () => this.readout.replaceChildren());
  }

  put(source, features) {
    this.pending.set(source, collection(features));
    this.flush();
  }

  flush() {
    if (!this.ready) return;
    for (const [source, data] of this.pending) this.map.getSource(source).setData(data);
    this.pending.clear();
  }

  setTown(town) {
    this.roofs = new Map(town.rooftops.features.map((roof) => [roof.properties.rooftop, roof]));
    this.drawn = {};
    this.put("rooftops", town.rooftops.features);
    this.put("chimneys", town.chimneys.map((chimney) => feature("Point", [chimney.lon, chimney.lat])));
    this.fitOnce("roofs", this.roofs.size);
    this.nameRoofs();
  }

  setGateways(gateways) {
    this.gateways = gateways;
    const seeing = gateways.flatMap((gateway) => gateway.cameras);
    const labels = gateways.filter((gateway) => gateway.cameras.length);
    if (!this.isNews("gateways", [labels.map((gateway) => [gateway.gateway, gateway.online]), seeing.map(standing)])) return;
    this.put("views", seeing.map((camera) => feature("Polygon", cone(camera, VIEW_METRES), { blind: mood(camera) === "blind" })));
    this.put("cameras", seeing.map((camera) => feature("Point", [camera.lon, camera.lat], { mood: mood(camera) })));
    this.replaceMarkers("gateways", labels.map(gatewayLabel));
    this.fitOnce("gateways", seeing.length);
    this.nameRoofs();
  }

  // All open alerts, and the selected one whatever its state; `detail` brings the rays of the selected one.
  setAlerts(alerts, { selected, fresh, detail }) {
    const shown = alerts.filter((alert) => alert.state === "open" || alert.alert === selected);
    const rays = detail?.rays ?? [];
    const region = detail?.region;
    if (!this.isNews("alerts", [shown, selected, [...fresh], rays, region])) return;
    // The selected alert is drawn last, so that its colours win where two alerts name one roof.
    shown.sort((one, two) => (one.alert === selected) - (two.alert === selected));
    this.put("candidates", shown.flatMap((alert) => this.candidateRoofs(alert)));
    this.put("rays", rays.map((ray) => rayLine(ray, detail.place ? [detail.place] : detail.candidates)));
    this.put("region", region?.geometry ? [feature(region.geometry.type, region.geometry.coordinates)] : []);
    const chosen = shown.find((alert) => alert.alert === selected);
    this.labelled = new Set(chosen ? labelled(chosen).map((candidate) => candidate.rooftop) : []);
    this.nameRoofs();
    const pins = shown.filter(spotOf).map((alert) => this.alertMarker(alert, selected, fresh.has(alert.alert)));
    this.replaceMarkers("alerts", [...pins, ...(chosen ? candidateLabels(chosen) : [])]);
  }

  candidateRoofs(alert) {
    return alert.candidates.flatMap((candidate, rank) => {
      const roof = this.roofs.get(candidate.rooftop);
      const properties = { state: alert.state, probability: candidate.probability, first: rank === 0 };
      return roof ? [feature(roof.geometry.type, roof.geometry.coordinates, properties)] : [];
    });
  }

  // Whether something differs from what was drawn last; redrawing the same would restart animations and drop the focus.
  isNews(what, data) {
    const key = JSON.stringify(data);
    if (this.drawn[what] === key) return false;
    this.drawn[what] = key;
    return true;
  }

  alertMarker(alert, selected, fresh) {
    const spot = spotOf(alert);
    const kind = `pin ${alert.state}${fresh ? " fresh" : ""}${alert.alert === selected ? " selected" : ""}`;
    const label = `${t("lead.show")}: ${alert.place ? ground(alert.place) : `${spot.name} ${percent(spot.probability)}`}`;
    const node = el("button", { class: kind, type: "button", "aria-label": label, onclick: () => this.onPick(alert.alert) });
    return new maplibregl.Marker({ element: node }).setLngLat([spot.lon, spot.lat]);
  }

  fit(duration = 600) {
    this.focused = false;
    const points = pointsOf([...this.roofs.values()]);
    for (const gateway of this.gateways) for (const camera of gateway.cameras) points.push([camera.lon, camera.lat]);
    this.moveTo(points, duration);
  }

  fitOnce(what, count) {
    if (!count || this.seen.has(what) || this.focused) return;
    this.seen.add(what);
    this.fit(0);
  }

  // The candidates of an alert and the cameras that saw it.
  focus(alert) {
    const points = [...alert.candidates, ...(alert.place ? [alert.place] : []), ...alert.rays].map((point) => [point.lon, point.lat]);
    this.focused = points.length > 0;
    this.moveTo(points, 700);
  }

  moveTo(points, duration) {
    if (!points.length) return;
    const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    const side = Math.min(70, this.map.getContainer().clientHeight / 6);
    const padding = { top: side, left: side, right: side, bottom: side + this.legend.offsetHeight / 2 };
    this.map.fitBounds(bounds(points), { padding, maxZoom: CLOSEST, duration: calm ? 0 : duration });
  }

  describe(event) {
    const [roof] = this.ready ? this.map.queryRenderedFeatures(event.point, { layers: ["rooftops"] }) : [];
    if (!roof) {
      this.readout.replaceChildren();
      return;
    }
    const { name, height_m: height } = roof.properties;
    this.readout.replaceChildren(el("strong", {}, String(name)), ` ${t("map.height", { height: Number(height).toFixed(1) })}`);
  }

  // Names of the roofs in view, once they are few and large enough to be read.
  nameRoofs() {
    const view = this.map.getBounds();
    const close = this.map.getZoom() >= NAMES_FROM_ZOOM;
    const inView = close ? [...this.roofs.values()].map((roof) => roof.properties).filter((roof) => view.contains([roof.lon, roof.lat])) : [];
    const named = inView.length <= MOST_NAMES ? inView.filter((roof) => !this.labelled.has(roof.rooftop)) : [];
    this.replaceMarkers("names", named.map((roof) => this.nameLabel(roof)));
  }

  // Above the middle where a camera stands on the roof, so that the two do not cover each other.
  nameLabel(roof) {
    const camera = this.gateways.some((gateway) => gateway.cameras.some((one) => distance(one, roof) < 8));
    return new maplibregl.Marker({ element: el("div", { class: "map-label name" }, roof.name), offset: [0, camera ? -18 : 0] }).setLngLat([roof.lon, roof.lat]);
  }

  replaceMarkers(kind, markers) {
    for (const marker of this.markers[kind]) marker.remove();
    this.markers[kind] = markers;
    for (const marker of markers) marker.addTo(this.map);
  }
}

function mood(camera) {
  if (camera.verdict === "suspected") return "suspected";
  return camera.verdict === "not_suspected" ? "clear" : "blind";
}

const standing = (camera) => [camera.camera, camera.lat, camera.lon, camera.heading_deg, camera.hfov_deg, mood(camera)];

function rayLine(ray, candidates) {
  const reach = candidates.length ? Math.max(...candidates.map((candidate) => distance(ray, candidate))) + RAY_BEYOND_METRES : RAY_METRES;
  return feature("LineString", [[ray.lon, ray.lat], offset(ray, ray.azimuth_deg, reach)]);
}

function gatewayLabel(gateway) {
  const [{ lat, lon }] = gateway.cameras;
  const node = el("div", { class: `map-label gateway${gateway.online ? "" : " offline"}` }, gateway.gateway);
  return new maplibregl.Marker({ element: node, anchor: "top", offset: [0, 9] }).setLngLat([lon, lat]);
}

// Where an alert is pinned: its likeliest roof, or the ground of a fire in the open.
const spotOf = (alert) => alert.place ?? alert.candidates[0];

const labelled = (alert) => alert.candidates.slice(0, LABELLED_CANDIDATES);

function candidateLabels(alert) {
  return labelled(alert).map((candidate, rank) => {
    const node = el("div", { class: `map-label candidate ${alert.state}${rank === 0 ? " first" : ""}` }, candidate.name, " ", el("b", {}, percent(candidate.probability)));
    return new maplibregl.Marker({ element: node, anchor: "bottom", offset: [0, rank === 0 ? -20 : -6] }).setLngLat([candidate.lon, candidate.lat]);
  });
}

function distance(from, to) {
  const east = (to.lon - from.lon) * 111320 * Math.cos((from.lat * Math.PI) / 180);
  const north = (to.lat - from.lat) * 111320;
  return Math.hypot(east, north);
}
