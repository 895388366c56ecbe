// The page's own state and what makes it change: the stream, the reader's choice, and the clock.

import { alertList, ground } from "./alerts.js";
import { get, listen, paced } from "./api.js";
import { curve } from "./chart.js";
import { alertDetail } from "./detail.js";
import { el, show, tick, time } from "./dom.js";
import { overview, watchState } from "./health.js";
import { TownMap } from "./map.js";
import { Seen } from "./seen.js";
import { clock, percent, t, word } from "./words.js";

const REFRESH_MS = 30000;
const HEALTH_MS = 2000; // gateways report all the time; nobody reads faster than this
const CURVE_MS = 10000;
const PANEL_PADDING = 30;

const $ = (id) => document.getElementById(id);
const state = { town: null, health: null, alerts: [], selected: null, detail: null, curve: null };
const seen = new Seen();
let map = null;

async function loadTown() {
  state.town = await get("/api/town");
  map?.setTown(state.town);
  draw();
}

async function loadHealth() {
  state.health = await get("/api/health");
  map?.setGateways(state.health.gateways);
  draw();
}

async function loadAlerts() {
  const { alerts } = await get("/api/alerts");
  const arrived = seen.update(alerts);
  state.alerts = alerts;
  draw();
  if (!arrived.length) return;
  announce(arrived[0]);
  if (!state.selected) await pick(arrived[0].alert, { byItself: true });
}

async function loadDetail() {
  const wanted = state.selected;
  if (!wanted) return;
  try {
    const found = await get(`/api/alerts/${encodeURIComponent(wanted)}`);
    if (state.selected === wanted) {
      if (!state.detail) map?.focus(found);
      state.detail = found;
    }
  } catch (error) {
    if (error.status !== 404) throw error;
    state.selected = null;
  }
  draw();
}

async function loadCurve() {
  const id = state.selected;
  const data = await get(id ? `/api/particulates?alert=${encodeURIComponent(id)}` : "/api/particulates");
  if (state.selected !== id) return;
  state.curve = { id, data };
  drawCurve();
}

// Opens a lead, or the overview for null. A lead that opened by itself stays new until somebody touches it.
async function pick(id, { byItself = false } = {}) {
  state.selected = id;
  state.detail = null;
  history.replaceState(null, "", id ? `#${encodeURIComponent(id)}` : location.pathname + location.search);
  if (id && !byItself) seen.mark(id);
  draw();
  await attempt(loadDetail);
  if (!state.selected) map?.fit();
  if (id && !byItself) $("panel").scrollIntoView({ block: "nearest" });
  await attempt(loadCurve);
}

// A second press closes a lead again; the first press on one that opened by itself only says that it was seen.
function toggle(id) {
  return pick(id === state.selected && !seen.fresh.has(id) ? null : id);
}

// Whoever works in the panel of a lead has seen it.
function lookedAt() {
  if (!state.selected || !seen.fresh.has(state.selected)) return;
  seen.mark(state.selected);
  draw();
}

function draw() {
  const fresh = [...seen.fresh];
  document.title = fresh.length ? `${t("title.new", { count: fresh.length })} – ${t("title")}` : `${t("title")} – ${t("title.console")}`;
  const choice = { selected: state.selected, fresh: seen.fresh, onPick: toggle };
  show($("alerts"), [state.alerts, state.selected, fresh], () => alertList(state.alerts, choice));
  map?.setAlerts(state.alerts, { ...choice, detail: state.detail });
  document.body.classList.toggle("chosen", state.selected !== null);
  const open = state.alerts.filter((alert) => alert.state === "open").length;
  $("open-count").textContent = open ? t("leads.open", { count: open }) : "";
  drawHeader(open);
  drawPanel(open);
}

function drawPanel(open) {
  if (state.selected) {
    if (state.detail) show($("panel"), state.detail, () => alertDetail(state.detail, { onBack: () => pick(null), onEnlarge: enlarge }));
  } else if (state.health) show($("panel"), [open, state.health], () => overview(state.health, open));
  drawCurve();
}

function drawCurve() {
  const id = state.selected;
  const panel = $(id ? "detail-curve" : "recent-curve");
  if (!panel || !state.curve || state.curve.id !== id) return;
  const marks = state.detail ? marksOf(state.detail) : [];
  const heading = () => el("h3", {}, t("curve"), " ", el("small", {}, t(id ? "curve.around" : "curve.recent")));
  show(panel, [state.curve.data, marks], () => [heading(), ...curve(state.curve.data, marks, $("panel").clientWidth - PANEL_PADDING)]);
}

function marksOf(detail) {
  const alarms = detail.detections.map((detection) => detection.alarmed_at).sort();
  return [{ kind: "start", at: detail.first_at }, ...alarms.slice(0, 1).map((at) => ({ kind: "alarm", at })), { kind: "end", at: detail.last_at }];
}

function drawHeader(open) {
  $("no-roofs").hidden = !state.town || state.town.rooftops.features.length > 0;
  if (!state.health) return;
  const { all, judging } = watchState(state.health.gateways);
  $("watch").className = `watch ${!judging ? "blind" : open ? "alert" : "calm"}`;
  $("watch-text").textContent = t(judging ? "watch.ok" : all ? "watch.none" : "watch.waiting");
  $("watch-count").textContent = all ? t("watch.count", { judging, all }) : "";
}

function announce(alert) {
  const where = alert.place ? ground(alert.place) : alert.candidates.length ? `${alert.candidates[0].name} ${percent(alert.candidates[0].probability)}` : t("lead.unplaced");
  $("announcement").textContent = t("lead.arrived", { what: word("class", alert.class), where });
}

function enlarge(picture, source) {
  const box = $("enlarged");
  const shut = el("button", { type: "button", class: "quiet", onclick: () => box.close() }, t("pictures.close"));
  const caption = el("p", {}, `${word("pictures", picture.role)} · ${picture.gateway} · ${picture.camera} · `, time(picture.taken_at));
  box.replaceChildren(shut, el("img", { src: source, alt: word("pictures", picture.role) }), caption);
  box.showModal();
}

// Runs a load; a failure is said on the page and tried again at the next turn. `data-busy` tells tests that the page has
// not settled. (Not `aria-busy`: a screen reader would hold back the announcement of a lead.)
let loads = 0;
async function attempt(load) {
  document.body.toggleAttribute("data-busy", ++loads > 0);
  try {
    await load();
    $("trouble").hidden = true;
    $("updated").textContent = clock(new Date());
  } catch (error) {
    $("trouble").textContent = t("error.fetch", { what: error.message });
    $("trouble").hidden = false;
  } finally {
    document.body.toggleAttribute("data-busy", --loads > 0);
  }
}

// One load at a time, in the order in which they were asked for.
let last = Promise.resolve();
const queue = (load) => () => {
  last = last.then(() => attempt(load));
};

const detail = queue(loadDetail);
const health = paced(HEALTH_MS, queue(loadHealth));
// In the order in which a dispatcher needs them: the leads first, a town's thousands of roofs when they come.
const ON_CHANGE = {
  alerts: [queue(loadAlerts), detail],
  gateways: [health],
  dead_letters: [health],
  detections: [detail],
  evidence: [detail],
  footprints: [queue(loadTown)],
  telemetry: [paced(CURVE_MS, queue(loadCurve))],
};

function onChange(moved) {
  const subjects = Object.keys(ON_CHANGE).filter((subject) => moved.includes(subject));
  for (const load of new Set(subjects.flatMap((subject) => ON_CHANGE[subject]))) load();
}

// What moves without a change in the store (a gateway falls silent), and whatever the stream may have failed to bring.
function refresh() {
  onChange(["alerts", "gateways", "telemetry", ...(state.town ? [] : ["footprints"])]);
}

function onLink(name) {
  $("link").className = `link ${name}`;
  $("link").textContent = t(`link.${name}`);
}

function startMap() {
  try {
    map = new TownMap($("map"), { readout: $("readout"), legend: $("legend"), onPick: (id) => pick(id) });
  } catch (error) {
    console.warn(error);
    $("map-trouble").hidden = false;
  }
}

function start() {
  onLink("wait");
  startMap();
  $("panel").addEventListener("click", lookedAt);
  $("fit").addEventListener("click", () => map?.fit());
  $("enlarged").addEventListener("click", (event) => event.target === $("enlarged") && $("enlarged").close());
  setInterval(tick, 10000);
  setInterval(refresh, REFRESH_MS);
  setInterval(() => ($("now").textContent = clock(new Date())), 1000);
  state.selected = decodeURIComponent(location.hash.slice(1)) || null;
  listen({ onChange, onLink });
}

start();
