// The list of leads, newest first.

import { el, time } from "./dom.js";
import { percent, t, word } from "./words.js";

export function alertList(alerts, { selected, fresh, onPick }) {
  if (!alerts.length) return [el("p", { class: "empty" }, t("leads.none"))];
  return [el("ol", { class: "leads" }, alerts.map((alert) => el("li", {}, card(alert, { selected, fresh: fresh.has(alert.alert), onPick }))))];
}

function card(alert, { selected, fresh, onPick }) {
  const current = alert.alert === selected;
  return el(
    "button",
    {
      id: `lead-${alert.alert}`,
      type: "button",
      class: `lead ${alert.state}${fresh ? " fresh" : ""}${current ? " selected" : ""}`,
      "aria-pressed": current ? "true" : "false",
      onclick: () => onPick(alert.alert),
    },
    el("span", { class: "lead-head" }, fresh && el("span", { class: "badge new" }, t("lead.new")), stateBadge(alert), time(alert.first_at, { relative: true })),
    el("span", { class: "lead-class" }, word("class", alert.class)),
    el("span", { class: "lead-place" }, place(alert)),
  );
}

// An alert that was merged into another is withdrawn, too, but it was smoke.
export function standing(alert) {
  return alert.state === "withdrawn" && alert.reason === "merged" ? "merged" : alert.state;
}

export function stateBadge(alert) {
  return el("span", { class: `badge ${alert.state}` }, word("state", standing(alert)));
}

// Where a fire in the open burns: no roof's name stands for it.
export function ground(place) {
  return t("lead.ground", { metres: Math.max(1, Math.round(place.radius_m)) });
}

// "East House 62% · West House 21%" — never a bare address.
function place(alert) {
  if (alert.place) return el("strong", { class: "one-place" }, ground(alert.place));
  if (!alert.candidates.length) return t("lead.unplaced");
  return alert.candidates.slice(0, 3).flatMap((candidate, rank) => {
    const text = `${candidate.name} ${percent(candidate.probability)}`;
    return [rank ? " · " : "", el(rank ? "span" : "strong", { class: "one-place" }, text)];
  });
}
