// What stands beside a lead: which fuel, where it lies and whose it is, what else it may be, the ways to it. What the
// cloud does not know yet is not shown.

import { el, time } from "./dom.js";
import { percent, sentence, t, word } from "./words.js";

const PLACES_SHOWN = 3;

export function fuel(alert) {
  const { coal } = alert;
  if (!coal) return null;
  const known = coal.estimate !== null && coal.estimate !== undefined;
  const head = known
    ? el("p", {}, `${t("fuel.coal")} `, el("b", {}, percent(coal.estimate)), el("small", {}, ` ${t("fuel.given")}`))
    : el("p", {}, el("b", {}, t("fuel.unknown")));
  return block("fuel", head, reasons(coal.factors), el("p", { class: "note" }, t("fuel.note")));
}

// Factors with what each moved: "34% → 52%" where the cloud says so, else only the words.
export function reasons(factors) {
  if (!factors?.length) return null;
  return el("ul", { class: "reasons" }, factors.map((factor) => el("li", {}, sentence(factor.text), " ", moved(factor))));
}

function moved(factor) {
  if (!factor.weight || factor.about === undefined) return null;
  const told = `${factor.weight > 0 ? "×" : "÷"}${Math.exp(Math.abs(factor.weight)).toFixed(1)}`;
  const from = factor.before !== undefined && factor.after !== undefined && ` ${percent(factor.before)} → ${percent(factor.after)}`;
  return el("span", { class: `weight ${factor.weight > 0 ? "for" : "against"}`, title: t("factors.weight") }, told, from && el("small", {}, from));
}

export function suggestions(alert) {
  if (!alert.suggestions?.length) return null;
  return block(
    "suggestions",
    el("ul", { class: "reasons" }, alert.suggestions.map((one) => el("li", {}, one.class !== alert.class && [el("b", {}, word("class", one.class)), " · "], sentence(one.text)))),
    el("p", { class: "note" }, t("suggestions.note")),
  );
}

export function lies(alert) {
  const where = alert.lies?.rooftops;
  if (!where) return null;
  const roofs = alert.candidates.filter((candidate) => where[candidate.rooftop]).slice(0, PLACES_SHOWN);
  const told = roofs.map((candidate) => [candidate.name, where[candidate.rooftop]]);
  if (alert.lies.place) told.push([t("lies.ground"), alert.lies.place]);
  if (!told.length) return null;
  const one = ([name, place]) => {
    const lines = [
      ...(place.grids ?? []).map(grid),
      ...(place.zones ?? []).map((zone) => line("lies.zone", zone)),
      ...(place.stations ?? []).map((station) => line("lies.station", station, t("lies.metres", { metres: station.distance_m }))),
      ...(place.areas ?? []).map((area) => line("lies.area", area)),
      ...(place.exemptions ?? []).map((exemption) => line("lies.exemption", exemption)),
    ];
    if (alert.lies.layers?.zones !== undefined && !place.zones?.length) lines.push(el("li", { class: "small" }, t("lies.nozone")));
    return el("li", {}, el("h4", {}, name), el("ul", { class: "lies" }, lines));
  };
  return block("lies", el("ul", { class: "plain" }, told.map(one)), el("p", { class: "note" }, `${t("lies.at")} `, time(alert.lies.at)));
}

function grid(cell) {
  const people = [cell.person, cell.deputy, ...(cell.others ?? [])].filter(Boolean).join("、");
  const reach = cell.phone && el("a", { href: `tel:${String(cell.phone).replace(/[^+\d-]/g, "")}` }, cell.phone);
  return el("li", {}, el("span", { class: "lies-kind" }, t("lies.grid")), ` ${cell.name}`, people && ` · ${people}`, cell.unit && ` · ${cell.unit}`, reach && " · ", reach);
}

function line(key, entry, more) {
  const parts = [entry.name, entry.kind, entry.document, entry.approver, more].filter(Boolean);
  return el("li", {}, el("span", { class: "lies-kind" }, t(key)), ` ${parts.join(" · ")}`, entry.valid_until && " · ", entry.valid_until && t("lies.until"), entry.valid_until && " ", entry.valid_until && time(entry.valid_until));
}

// Opens the place in a map service, in the service's own coordinates. Nothing is sent before somebody presses it.
export function ways(candidate) {
  const found = Object.entries(candidate.maps ?? {});
  if (!found.length) return null;
  const link = ([service, address]) => el("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, word("maps", service));
  return el("span", { class: "ways" }, `${t("maps.go")}`, found.flatMap((one) => [" ", link(one)]));
}

export function gases(detection) {
  const rises = [
    ...(detection.particulates ?? []).map((cue) => ({ name: "PM2.5", unit: "µg/m³", rise: cue.rise_ug_m3, background: cue.background_ug_m3, sensor: cue.sensor })),
    ...(detection.gases ?? []).map((cue) => ({ ...named(cue.quantity), rise: cue.rise, background: cue.background, sensor: cue.sensor })),
  ];
  if (!rises.length) return null;
  const one = (cue) => el("li", {}, el("b", {}, `${cue.name} +${round(cue.rise)} ${cue.unit}`), el("small", {}, ` ${t("detections.over", { background: round(cue.background), unit: cue.unit, sensor: cue.sensor })}`));
  return el("ul", { class: "rises" }, rises.map(one));
}

// "so2_ug_m3" -> SO2, µg/m³
function named(quantity) {
  const [gas, ...unit] = quantity.split("_");
  return { name: gas.toUpperCase(), unit: unit.join("/").replace("ug/m3", "µg/m³").replace("mg/m3", "mg/m³") };
}

const round = (value) => (Math.abs(value) < 10 ? Math.round(value * 10) / 10 : Math.round(value));

function block(key, ...children) {
  return el("section", { class: `block ${key}` }, el("h3", {}, t(key)), ...children);
}
