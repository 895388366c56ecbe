// How the watch stands: what each camera can say now and why not, and what each gateway reports of itself.

import { el, time } from "./dom.js";
import { duration, sentence, t, word } from "./words.js";

const OLD_FRAME_S = 10;

export function watchState(gateways) {
  const cameras = gateways.flatMap((gateway) => gateway.cameras);
  const judging = cameras.filter((camera) => camera.verdict === "suspected" || camera.verdict === "not_suspected");
  return { all: cameras.length, judging: judging.length };
}

export function overview(health, openAlerts) {
  const { gateways } = health;
  return [
    watchCard(gateways, openAlerts),
    gateways.length && el("section", { class: "block" }, el("h3", {}, t("health")), el("ul", { class: "gateways" }, gateways.map(gatewayCard))),
    el("section", { id: "recent-curve", class: "block" }),
    health.counts.dropped_records > 0 && el("p", { class: "doubt" }, t("health.dropped", { count: health.counts.dropped_records })),
    setAside(health),
  ];
}

// Calm when nothing is open, but never calmer than the cameras allow.
function watchCard(gateways, openAlerts) {
  const { all, judging } = watchState(gateways);
  if (!all) return el("div", { class: "watch-card" }, el("p", {}, t("watch.nothing")));
  if (!judging) return el("div", { class: "watch-card blind" }, el("h2", {}, t("watch.none")), el("p", {}, t("watch.blind")));
  const partly = judging < all && el("p", { class: "partly" }, t("watch.partly", { count: all - judging }));
  if (openAlerts) return partly && el("div", { class: "watch-card blind" }, partly);
  const cameras = gateways.flatMap((gateway) => gateway.cameras);
  const sum = (key) => cameras.reduce((total, camera) => total + (camera[key] ?? 0), 0);
  return el(
    "div",
    { class: "watch-card" },
    el("h2", {}, t("watch.quiet")),
    el("p", {}, t("watch.quiet.text")),
    partly,
    el("p", { class: "note" }, t("watch.total", { coverage: coverage(sum("judged_s"), sum("not_judged_s")) })),
    el("p", { class: "note" }, t("watch.caution")),
  );
}

function gatewayCard(gateway) {
  const waiting = Object.values(gateway.spool_depth).reduce((sum, depth) => sum + depth, 0);
  const clockBad = gateway.clock && gateway.clock.state !== "synchronised";
  return el(
    "li",
    { class: `gateway-card ${gateway.online ? "online" : "offline"}` },
    el("h4", {}, el("span", { class: "dot", "aria-hidden": "true" }), gateway.gateway, " ", el("span", { class: "small" }, t(gateway.online ? "health.online" : "health.offline"))),
    el("p", { class: "small" }, `${t("health.heard")} `, time(gateway.last_seen_at, { relative: true }), gateway.software && ` · ${t("health.software", { version: gateway.software })}`),
    siteVerdict(gateway),
    maintenance(gateway),
    el("ul", { class: "plain cameras" }, gateway.cameras.map((camera) => cameraLine(camera, gateway.online))),
    el("ul", { class: "plain sensors" }, gateway.sensors.map(sensorLine)),
    clockBad && el("p", { class: "doubt" }, t("health.clock")),
    gateway.notices.length > 0 && el("details", { id: `notices-${gateway.gateway}` }, el("summary", {}, `${t("health.notices")} (${gateway.notices.length})`), el("ul", { class: "reasons" }, gateway.notices.map((notice) => el("li", {}, sentence(notice))))),
    nights(gateway),
    waiting > 0 && el("p", { class: "small" }, t("health.backlog", { count: waiting })),
  );
}

// What all cameras and the air of a gateway say together: one of three, never quieter than it can know.
function siteVerdict(gateway) {
  if (!gateway.verdict) return null;
  const said = gateway.online ? gateway.verdict_reasons : [];
  const head = [`${t("health.verdict")} `, el("b", { class: `verdict ${gateway.verdict}` }, word("verdict", gateway.verdict))];
  const because = gateway.online ? said[0] && ` · ${sentence(said[0])}` : ` · ${t("health.offline.camera")}`;
  if (said.length < 2) return el("p", { class: "site" }, head, because);
  return el("details", { id: `verdict-${gateway.gateway}`, class: "site" }, el("summary", {}, head, because), el("ul", { class: "reasons" }, said.map((reason) => el("li", {}, sentence(reason)))));
}

function maintenance(gateway) {
  if (!gateway.maintenance) return null;
  return el("p", { class: "doubt" }, `${t("health.maintenance")} `, time(gateway.maintenance.until), ` · ${gateway.maintenance.reason}`);
}

// The newest night of each camera: hours that could be judged of those it was to watch.
function nights(gateway) {
  const newest = gateway.coverage.reduce((night, one) => (one.night > night ? one.night : night), "");
  const told = gateway.coverage.filter((one) => one.night === newest && one.scheduled_s > 0);
  if (!told.length) return null;
  const one = (camera) => `${camera.camera} ${t("health.night.hours", { judged: (camera.judged_s / 3600).toFixed(1), all: (camera.scheduled_s / 3600).toFixed(1) })}`;
  return el("p", { class: "small" }, `${t("health.night", { night: newest })} ${told.map(one).join(" · ")}`);
}

function coverage(judgedS, lostS) {
  const judged = t("watch.coverage", { time: duration(judgedS) });
  return lostS < 60 ? judged : `${judged} · ${t("watch.uncovered", { time: duration(lostS) })}`;
}

function cameraLine(camera, online) {
  const cause = online ? camera.cause && sentence(camera.cause) : t("health.offline.camera");
  return el(
    "li",
    { class: `camera ${camera.verdict ?? "none"}` },
    el("b", {}, camera.camera),
    " ",
    el("span", { class: "verdict" }, word("verdict", camera.verdict ?? "none")),
    cause && el("span", { class: "cause" }, cause),
    online && camera.frame_age_s > OLD_FRAME_S && el("span", { class: "cause" }, t("health.frame.age", { seconds: Math.round(camera.frame_age_s) })),
    camera.ticket && el("span", { class: "doubt ticket" }, `${t("health.ticket")} `, time(camera.ticket.since, { relative: true }), ` · ${sentence(camera.ticket.said)}`),
    camera.judged_s !== null && el("span", { class: "small", title: t("watch.since") }, coverage(camera.judged_s, camera.not_judged_s)),
  );
}

function sensorLine(sensor) {
  const state = t(sensor.connected ? "health.sensor.ok" : "health.sensor.off");
  const bad = sensor.rejected > 0 ? ` · ${t("health.sensor.rejected", { count: sensor.rejected })}` : "";
  return el("li", { class: sensor.connected ? "small" : "doubt" }, `${sensor.sensor} (${sensor.model}): ${state}${bad}`);
}

function setAside(health) {
  const count = health.counts.dead_letters;
  if (!count) return el("p", { class: "small" }, t("health.aside.none"));
  const item = (letter) => el("li", {}, time(letter.received_at), " ", el("b", {}, letter.cause), " ", letter.gateway ?? "", " ", el("span", { class: "small" }, letter.reason));
  return el("details", { id: "aside", class: "block" }, el("summary", {}, t("health.aside", { count })), el("ul", { class: "plain aside" }, health.dead_letters.map(item)));
}
