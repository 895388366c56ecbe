// The page's own state and what makes it change: the stream, the reader's choice, and the clock.

import { alertList } from "./alerts.js";
import { get, listen } from "./api.js";
import { curve } from "./chart.js";
import { alertDetail } from "./detail.js";
import { el, show, tick, time } from "./dom.js";
import { overview, watchState } from "./health.js";
import { TownMap } from "./map.js";
import { Seen } from "./seen.js";
import { clock, percent, t, word } from "./words.js";

const REFRESH_MS = 30000; // what only time changes: a gateway that fell silent
const CURVE_MS = 10000; // telemetry moves often; the curve need not

const $ = (id) => document.getElementById(id);
const state = { town: null, alerts: [], detail: null, health: null, selected: null, curve: null };
const seen = new Seen();
const PANEL_PADDING = 30;
let map = null;
let curveDue = 0;

async function loadTown() {
  state.town = await get("/api/town");
  map?.setTown(state.town);
  draw();
}

async function loadHealth() {
  state.health = await get("/api/health");
  draw();
}

async function loadAlerts() {
  const { alerts } = await get("/api/alerts");
  const arrived = seen.update(alerts);
  state.alerts = alerts;
  if (arrived.length) announce(arrived);
  if (arrived.length && !state.selected && arrived.some((alert) => alert.state === "open")) await pick(arrived[0].alert, { arrived: true });
  else if (state.selected) await loadDetail();
  draw();
}

async function loadDetail() {
  const wanted = state.selected;
  try {
    const detail = await get(`/api/alerts/${encodeURIComponent(wanted)}`);
    if (state.selected === wanted) state.detail = detail;
  } catch (error) {
    if (!/ 404$/.test(error.message)) throw error;
    state.selected = null;
    state.detail = null;
  }
}

async function pick(id, { arrived = false } = {}) {
  state.selected = id;
  state.detail = null;
  curveDue = 0;
  history.replaceState(null, "", id ? `#${encodeURIComponent(id)}` : location.pathname + location.search);
  if (id && !arrived) seen.mark(id);
  if (id) {
    await attempt(loadDetail);
    if (state.detail) map?.focus(state.detail, state.detail.rays);
  } else map?.fit();
  draw();
  await attempt(loadCurve);
  if (id && !arrived) $("panel").scrollIntoView({ block: "nearest", behavior: "smooth" });
}

// A second press closes the lead again; the first press on one that opened by itself only says that it was seen.
function toggle(id) {
  return pick(id === state.selected && !seen.fresh.has(id) ? null : id);
}

// Whoever works in the panel of a lead has seen it.
function lookedAt() {
  if (!state.selected || !seen.fresh.has(state.selected)) return;
  seen.mark(state.selected);
  draw();
}

async function loadCurve() {
  const id = state.selected;
  if (Date.now() < curveDue) return;
  curveDue = Date.now() + CURVE_MS;
  const data = await get(id ? `/api/particulates?alert=${encodeURIComponent(id)}` : "/api/particulates");
  if (state.selected !== id) return;
  state.curve = { id, data };
  drawCurve();
}

function drawCurve() {
  const id = state.selected;
  const panel = $(id ? "detail-curve" : "recent-curve");
  if (!panel || !state.curve || state.curve.id !== id) return;
  const marks = id && state.detail ? marksOf(state.detail) : [];
  const heading = () => el("h3", {}, t("curve"), " ", el("small", {}, t(id ? "curve.around" : "curve.recent")));
  show(panel, [state.curve.data, marks], () => [heading(), ...curve(state.curve.data, marks, $("panel").clientWidth - PANEL_PADDING)]);
}

function marksOf(detail) {
  const alarms = detail.detections.map((detection) => detection.alarmed_at).sort();
  return [{ kind: "start", at: detail.first_at }, ...(alarms.length ? [{ kind: "alarm", at: alarms[0] }] : []), { kind: "end", at: detail.last_at }];
}

function draw() {
  const open = state.alerts.filter((alert) => alert.state === "open");
  document.title = seen.fresh.size ? `${t("title.new", { count: seen.fresh.size })} – ${t("title")}` : `${t("title")} – ${t("title.console")}`;
  $("open-count").textContent = open.length ? t("leads.open", { count: open.length }) : "";
  const choice = { selected: state.selected, fresh: seen.fresh, onPick: toggle };
  show($("alerts"), [state.alerts, state.selected, [...seen.fresh]], () => alertList(state.alerts, choice));
  const rays = state.detail?.rays ?? [];
  map?.setAlerts(state.alerts, state.selected, seen.fresh);
  map?.setRays(rays, state.detail?.candidates ?? []);
  document.body.classList.toggle("chosen", state.selected !== null);
  drawPanel(open.length);
  drawHeader(open.length);
}

function drawPanel(open) {
  if (state.selected) {
    if (state.detail) show($("panel"), state.detail, () => alertDetail(state.detail, { onBack: () => pick(null), onEnlarge: enlarge }));
  } else if (state.town) show($("panel"), [state.town.gateways, open, state.health], () => overview(state.town.gateways, open, state.health));
  drawCurve();
}

function drawHeader(open) {
  if (!state.town) return;
  const { all, judging } = watchState(state.town.gateways);
  const mood = !judging ? "blind" : open ? "alert" : "calm";
  $("watch").className = `watch ${mood}`;
  $("watch-text").textContent = t(judging ? "watch.ok" : all ? "watch.none" : "watch.waiting");
  $("watch-count").textContent = all ? t("watch.count", { judging, all }) : "";
  $("no-roofs").hidden = state.town.rooftops.features.length > 0;
}

function announce(arrived) {
  const [alert] = arrived;
  const where = alert.candidates.length ? `${alert.candidates[0].name} ${percent(alert.candidates[0].probability)}` : t("lead.unplaced");
  $("announcement").textContent = t("lead.arrived", { what: word("class", alert.class), where });
}

function enlarge(picture, source) {
  const box = $("enlarged");
  const shut = el("button", { type: "button", class: "quiet", onclick: () => box.close() }, t("pictures.close"));
  const caption = el("p", {}, `${word("pictures", picture.role)} · ${picture.gateway} · ${picture.camera} · `, time(picture.taken_at));
  box.replaceChildren(shut, el("img", { src: source, alt: word("pictures", picture.role) }), caption);
  box.showModal();
}

// Runs a load; a failure is said on the page and tried again at the next turn.
async function attempt(load) {
  try {
    await load();
    $("trouble").hidden = true;
    $("updated").replaceChildren(clock(new Date()));
  } catch (error) {
    $("trouble").textContent = t("error.fetch", { what: error.message });
    $("trouble").hidden = false;
  }
}

async function onChange(moved) {
  const any = (...subjects) => subjects.some((subject) => moved.has(subject));
  if (any("gateways", "footprints")) await attempt(loadTown);
  if (any("alerts", "detections", "evidence")) await attempt(loadAlerts);
  if (any("dead_letters", "gateways")) await attempt(loadHealth);
  if (any("telemetry")) await attempt(loadCurve);
}

function onLink(name) {
  $("link").className = `link ${name}`;
  $("link").textContent = t(`link.${name}`);
}

async function start() {
  onLink("wait");
  try {
    map = new TownMap($("map"), { readout: $("readout"), onPick: (id) => pick(id) });
  } catch (error) {
    console.warn(error);
    $("map-trouble").hidden = false;
  }
  $("panel").addEventListener("click", lookedAt);
  $("fit").addEventListener("click", () => map?.fit());
  $("enlarged").addEventListener("click", (event) => event.target === $("enlarged") && $("enlarged").close());
  await attempt(loadTown);
  state.selected = decodeURIComponent(location.hash.slice(1)) || null;
  await attempt(loadAlerts);
  await attempt(loadHealth);
  if (state.detail) map?.focus(state.detail, state.detail.rays);
  await attempt(loadCurve);
  listen({ onChange: (moved) => queue(() => onChange(moved)), onLink });
  setInterval(tick, 10000);
  setInterval(() => queue(() => onChange(new Set(["gateways", "telemetry"]))), REFRESH_MS);
  setInterval(() => ($("now").textContent = clock(new Date())), 1000);
}

// One load at a time, in the order in which they were asked for.
let last = Promise.resolve();
function queue(job) {
  last = last.then(job).catch(console.error);
}

start();
