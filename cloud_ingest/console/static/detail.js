// One lead in full: where it may be, what the cameras saw, the pictures, and how the judgement came about.

import { ground, standing, stateBadge } from "./alerts.js";
import { about } from "./api.js";
import { fuel, gases, lies, reasons, suggestions, ways } from "./context.js";
import { el, time } from "./dom.js";
import { percent, sentence, t, word } from "./words.js";

export function alertDetail(alert, { onBack, onEnlarge }) {
  const inTheOpen = alert.class === "open_burning";
  return [
    el(
      "header",
      { class: `detail-head ${alert.state}` },
      el("button", { type: "button", class: "quiet", id: "back", onclick: onBack }, `‹ ${t("lead.back")}`),
      el("h2", {}, word("class", alert.class)),
      el("p", { class: "detail-sub" }, stateBadge(alert), " ", `${t(inTheOpen ? "lead.confidence.open" : "lead.confidence")} ${percent(alert.confidence)}`, " ", el("small", {}, t(inTheOpen ? "lead.confidence.open.note" : "lead.confidence.note"))),
      alert.state !== "open" && el("p", { class: "state-note" }, t(`state.${standing(alert)}.text`)),
      el("p", { class: "caution" }, t("leads.lead")),
    ),
    times(alert),
    alert.place ? spot(alert) : candidates(alert),
    lies(alert),
    pictures(alert, onEnlarge),
    fuel(alert),
    suggestions(alert),
    el("section", { id: "detail-curve", class: "block" }),
    detections(alert),
    factors(alert),
    history(alert),
  ];
}

function times(alert) {
  const row = (key, iso) => [el("dt", {}, t(key)), el("dd", {}, time(iso, { relative: true }))];
  return el("dl", { class: "times" }, row("lead.first", alert.first_at), row("lead.raised", alert.raised_at), row("lead.last", alert.last_at));
}

function candidates(alert) {
  const bar = (name, probability, kind, candidate = {}) =>
    el(
      "li",
      { class: kind },
      el("span", { class: "bar-name" }, name),
      el("span", { class: "bar-value" }, percent(probability)),
      el("meter", { min: 0, max: 1, value: probability, "aria-label": percent(probability) }),
      ways(candidate),
    );
  const elsewhere = [t("lead.elsewhere"), el("small", {}, ` ${t("lead.elsewhere.text")}`)];
  return block(
    "lead.candidates",
    (alert.footprint_doubts ?? []).map(doubted),
    el(
      "ol",
      { class: `bars ${alert.state}` },
      alert.candidates.map((candidate, rank) => bar(candidate.name, candidate.probability, rank === 0 ? "first" : "", candidate)),
      bar(elsewhere, alert.elsewhere, "elsewhere"),
    ),
    alert.rays.length < 2 && el("p", { class: "note" }, t("lead.many")),
    region(alert),
  );
}

// What speaks against the footprints by which roofs are named here.
function doubted({ text, wrong }) {
  return el("p", { class: wrong ? "note wrong" : "note doubted" }, el("b", {}, t(wrong ? "lead.footprints.wrong" : "lead.footprints.doubt")), ` ${sentence(text)}`);
}

// A fire in the open: a place on the ground instead of households.
function spot({ place, rays }) {
  const range = t("lead.ground.range", { near: Math.round(place.near_m), far: Math.round(place.far_m) });
  return block(
    "lead.ground.title",
    el("p", {}, el("b", {}, ground(place)), ` · ${place.lat.toFixed(5)}, ${place.lon.toFixed(5)}`),
    ways(place),
    el("p", { class: "note" }, el("i", { class: "key region", "aria-hidden": "true" }), ` ${t("lead.ground.region")}`),
    rays.length < 2 && el("p", { class: "note" }, range),
    el("p", { class: "note" }, t("lead.ground.note")),
  );
}

function region(alert) {
  const about = alert.region?.properties;
  if (!alert.region?.geometry || !about) return null;
  return el("p", { class: "note" }, el("i", { class: "key region", "aria-hidden": "true" }), ` ${t("lead.region", { share: percent(about.holds ?? about.share), roofs: about.rooftops?.length ?? "?" })}`);
}

const ROLES = ["drawn", "frame", "before"];

// An image stays the same node when its lead is drawn anew: pictures are not kept by the browser, so a new node would
// fetch the picture again and flicker.
let held = { alert: null, images: new Map() };

function imageOf(alert, picture, source) {
  if (held.alert !== alert.alert) held = { alert: alert.alert, images: new Map() };
  const key = `${picture.digest} ${picture.role}`;
  if (!held.images.has(key)) held.images.set(key, el("img", { src: source, alt: word("pictures", picture.role) }));
  return held.images.get(key);
}

function pictures(alert, onEnlarge) {
  if (!alert.pictures.length) return block("pictures", el("p", { class: "empty" }, t("pictures.none")));
  const byCamera = new Map();
  for (const picture of alert.pictures) {
    const key = `${picture.gateway} · ${picture.camera}`;
    byCamera.set(key, [...(byCamera.get(key) ?? []), picture]);
  }
  const figure = (picture) => {
    const caption = el("figcaption", {}, el("b", {}, word("pictures", picture.role)), " ", time(picture.taken_at));
    const source = about(`/api/pictures/${encodeURIComponent(picture.digest)}.jpg`);
    const enlarge = { type: "button", class: "picture", title: t("pictures.enlarge"), onclick: () => onEnlarge(picture, source) };
    return el("figure", { class: picture.role }, el("button", enlarge, imageOf(alert, picture, source)), caption);
  };
  const inOrder = (list) => [...list].sort((one, two) => ROLES.indexOf(one.role) - ROLES.indexOf(two.role));
  return block("pictures", [...byCamera].map(([camera, list]) => el("div", { class: "camera-pictures" }, el("h4", {}, camera), el("div", { class: "figures" }, inOrder(list).map(figure)))));
}

function detections(alert) {
  const one = (detection) => {
    const facts = [`${word("class", detection.class)} ${percent(detection.confidence)}`];
    if (detection.opacity !== null) facts.push(`${t("detections.opacity")} ${percent(detection.opacity)}`);
    if (detection.phase !== "end") facts.push(t("detections.open"));
    return el(
      "li",
      {},
      el("h4", {}, `${detection.gateway} · ${detection.camera}`),
      el("p", {}, facts.join(" · ")),
      el("p", { class: "small" }, `${t("detections.started")} `, time(detection.started_at), ` · ${t("detections.alarmed")} `, time(detection.alarmed_at)),
      detection.time_mark && el("p", { class: "doubt" }, word("detections.doubt", detection.time_mark)),
      gases(detection),
      el("ul", { class: "reasons" }, detection.reasons.map((reason) => el("li", {}, sentence(reason)))),
    );
  };
  return block("detections", el("ul", { class: "plain" }, alert.detections.map(one)));
}

const ABOUT = ["rooftop", "smoke", "said"];

// Under what they speak for; those of the fuel stand with the fuel, and an old alert's all under the roofs.
function factors(alert) {
  const all = alert.versions.at(-1)?.factors ?? [];
  const groups = ABOUT.map((about) => [about, all.filter((factor) => (factor.about ?? "rooftop") === about)]).filter(([, some]) => some.length);
  if (!groups.length) return null;
  if (all.every((factor) => factor.about === undefined)) return block("factors", reasons(all));
  return block("factors", groups.map(([about, some]) => el("div", { class: "about" }, el("h4", {}, word("factors", about)), reasons(some))));
}

function history(alert) {
  const item = (version) =>
    el("li", {}, time(version.made_at), " ", el("b", {}, word("reason", version.reason)), ` · ${sentence(version.reason_text)}`);
  return el(
    "details",
    { id: "history", class: "block" },
    el("summary", {}, `${t("history")} (${alert.versions.length})`),
    el("ol", { class: "plain history" }, [...alert.versions].reverse().map(item)),
  );
}

function block(key, ...children) {
  return el("section", { class: "block" }, el("h3", {}, t(key)), ...children.flat());
}
