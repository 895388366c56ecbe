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
    el("span", { class: "lead-head" }, fresh && el("span", { class: "badge new" }, t("lead.new")), stateBadge(alert.state), time(alert.first_at, { relative: true })),
    el("span", { class: "lead-class" }, word("class", alert.class)),
    el("span", { class: "lead-place" }, place(alert)),
  );
}

export function stateBadge(state) {
  return el("span", { class: `badge ${state}` }, word("state", state));
}

// "East House 62% · 2 more" — never a bare address.
function place(alert) {
  const [first, ...others] = alert.candidates;
  if (!first) return t("lead.unplaced");
  const more = others.slice(0, 2).map((candidate) => `${candidate.name} ${percent(candidate.probability)}`);
  return [el("strong", {}, `${first.name} ${percent(first.probability)}`), more.length ? ` · ${more.join(" · ")}` : ""];
}
