// How the watch stands: what each camera can say now and why not, and what each gateway reports of itself.

import { el, time } from "./dom.js";
import { hours, t, word } from "./words.js";

export function watchState(gateways) {
  const cameras = gateways.flatMap((gateway) => gateway.cameras);
  const judging = cameras.filter((camera) => camera.verdict === "suspected" || camera.verdict === "not_suspected");
  return { all: cameras.length, judging: judging.length };
}

export function overview(gateways, openAlerts, health) {
  const { all, judging } = watchState(gateways);
  const nodes = [];
  if (!all) nodes.push(el("div", { class: "calm" }, el("p", {}, t("watch.nothing"))));
  else if (!judging) nodes.push(el("div", { class: "calm blind" }, el("h2", {}, t("watch.none")), el("p", {}, t("watch.blind"))));
  else if (!openAlerts) {
    nodes.push(el("div", { class: "calm" }, el("h2", {}, t("watch.quiet")), el("p", {}, t("watch.quiet.text")), el("p", { class: "note" }, t("watch.caution"))));
  }
  nodes.push(el("section", { class: "block" }, el("h3", {}, t("health")), el("ul", { class: "gateways" }, gateways.map(gatewayCard))));
  nodes.push(el("section", { id: "recent-curve", class: "block" }));
  if (health) nodes.push(setAside(health));
  return nodes;
}

function gatewayCard(gateway) {
  const waiting = Object.values(gateway.spool_depth ?? {}).reduce((sum, depth) => sum + depth, 0);
  const clockBad = gateway.clock && gateway.clock.state !== "synchronised";
  return el(
    "li",
    { class: `gateway-card ${gateway.online ? "online" : "offline"}` },
    el("h4", {}, el("span", { class: "dot", "aria-hidden": "true" }), gateway.gateway, " ", el("span", { class: "small" }, t(gateway.online ? "health.online" : "health.offline"))),
    el("p", { class: "small" }, `${t("health.heard")} `, time(gateway.last_seen_at, { relative: true })),
    el("ul", { class: "plain cameras" }, gateway.cameras.map((camera) => cameraLine(camera, gateway.online))),
    el("ul", { class: "plain sensors" }, (gateway.sensors ?? []).map(sensorLine)),
    clockBad && el("p", { class: "doubt" }, t("health.clock")),
    waiting > 0 && el("p", { class: "small" }, t("health.backlog", { count: waiting })),
  );
}

function cameraLine(camera, online) {
  const cause = online ? camera.cause : t("health.offline.camera");
  const coverage = camera.judged_s === null ? null : [t("watch.coverage", { hours: hours(camera.judged_s) })];
  if (coverage && camera.not_judged_s >= 60) coverage.push(t("watch.uncovered", { hours: hours(camera.not_judged_s) }));
  return el(
    "li",
    { class: `camera ${camera.verdict ?? "none"}` },
    el("b", {}, camera.camera),
    " ",
    el("span", { class: "verdict" }, word("verdict", camera.verdict ?? "none")),
    cause && el("span", { class: "cause" }, cause),
    coverage && el("span", { class: "small", title: t("watch.since") }, coverage.join(" · ")),
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
