// The one way this page makes elements. Text is always set as text, so nothing that came over the network can become markup.

import { ago, localTime } from "./words.js";

export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  fill(node, attributes, children);
  return node;
}

export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  fill(node, attributes, children);
  return node;
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
}

// Local time with UTC on hover; `relative` adds "3 min ago", which a ticker keeps true.
export function time(iso, { relative = false } = {}) {
  if (!iso) return el("span", {}, "–");
  const node = el("time", { datetime: iso, title: `UTC ${iso.replace("T", " ").replace("Z", "")}` }, localTime(iso));
  if (!relative) return node;
  return el("span", { class: "when" }, node, " ", el("span", { class: "ago", "data-ago": iso }, ago(iso)));
}

export function tick() {
  for (const node of document.querySelectorAll("[data-ago]")) node.textContent = ago(node.dataset.ago);
}

// Replaces what a panel shows only when its data changed, so that pictures do not flicker and open folds stay open.
const shown = new WeakMap();
export function show(panel, data, draw) {
  const key = JSON.stringify(data);
  if (shown.get(panel) === key) return;
  shown.set(panel, key);
  const focused = panel.contains(document.activeElement) ? document.activeElement.id : "";
  const folds = new Map([...panel.querySelectorAll("details[id]")].map((fold) => [fold.id, fold.open]));
  panel.replaceChildren(...[draw()].flat().filter(Boolean));
  for (const [id, open] of folds) {
    const fold = document.getElementById(id);
    if (fold) fold.open = open;
  }
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}
