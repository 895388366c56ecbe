// The particulate curve: mean as a line, least to greatest as a band, the alert's moments as upright lines.

import { el, svg } from "./dom.js";
import { clock, hourMinute, t, word } from "./words.js";

const LEAST_WIDTH = 280;
const HEIGHT = 210;
const LEFT = 44;
const RIGHT = 10;
const TOP = 40; // room for three moments' names above each other
const BOTTOM = 24;
const LEAST_SPAN_MS = 6 * 60000;
const NAME_ROOM = 90;
const GAP_FACTOR = 4; // a hole longer than this many usual steps is shown as a hole, not bridged
const COLOURS = ["#6cc7ff", "#b7e36a", "#d9a2ff", "#ffd27a", "#7de0d0", "#ff9fb0"];

export function curve(data, marks, width) {
  const series = data.series.filter((one) => one.points.length);
  if (!series.length) return [el("p", { class: "empty" }, t("curve.none"))];
  const frame = { ...span(data, series, marks), width: Math.max(width, LEAST_WIDTH), names: marks.length > 0 };
  const top = ceiling(Math.max(...series.flatMap((one) => one.points.map((point) => point.high))));
  const ground = frame.names ? TOP : 8;
  const x = (moment) => LEFT + ((moment - frame.from) / (frame.to - frame.from)) * (frame.width - LEFT - RIGHT);
  const y = (value) => HEIGHT - BOTTOM - (value / top) * (HEIGHT - ground - BOTTOM);
  const drawing = svg("svg", { viewBox: `0 0 ${frame.width} ${HEIGHT}`, class: "curve", role: "img", "aria-label": t("curve.label", { low: 0, high: Math.round(top) }) });
  drawing.append(...grid(x, y, top, frame), ...series.flatMap((one, index) => strokes(one, x, y, COLOURS[index % COLOURS.length])), ...moments(marks, x, frame));
  const values = el("p", { class: "curve-readout", "aria-hidden": "true" }, t("curve.unit"));
  drawing.addEventListener("pointermove", (event) => readOut(event, drawing, series, frame, values));
  drawing.addEventListener("pointerleave", () => values.replaceChildren(t("curve.unit")));
  return [values, drawing, legend(series), el("p", { class: "note" }, t("curve.note"))];
}

// The stretch of the asked time that has something to show, but never less than a few minutes.
function span(data, series, marks) {
  const known = [...series.flatMap((one) => [one.points[0].at, one.points.at(-1).at]), ...marks.map((mark) => mark.at)].map((at) => Date.parse(at));
  const from = Math.max(Date.parse(data.from), Math.min(...known));
  const to = Math.min(Date.parse(data.to), Math.max(...known));
  const missing = Math.max(0, LEAST_SPAN_MS - (to - from));
  return { from: from - missing / 2, to: to + missing / 2 };
}

function grid(x, y, top, { from, to, width }) {
  const nodes = [];
  for (let step = 0; step <= 4; step += 1) {
    const value = (top * step) / 4;
    nodes.push(svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }));
    nodes.push(svg("text", { class: "axis", x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, String(Math.round(value * 10) / 10)));
  }
  const minutes = [1, 2, 5, 10, 15, 30, 60, 120, 240].find((step) => (to - from) / 60000 / step <= width / 60) ?? 480;
  const step = minutes * 60000;
  for (let moment = Math.ceil(from / step) * step; moment <= to; moment += step) {
    nodes.push(svg("text", { class: "axis", x: x(moment), y: HEIGHT - 6, "text-anchor": "middle" }, hourMinute(new Date(moment))));
  }
  return nodes;
}

function strokes(one, x, y, colour) {
  const nodes = [];
  for (const piece of pieces(one.points)) {
    const along = (key) => piece.map((point) => `${x(Date.parse(point.at)).toFixed(1)},${y(Math.max(point[key], 0)).toFixed(1)}`);
    nodes.push(svg("polygon", { class: "band", fill: colour, points: [...along("high"), ...along("low").reverse()].join(" ") }));
    nodes.push(svg("polyline", { class: "line", stroke: colour, points: along("mean").join(" ") }));
  }
  return nodes;
}

// Splits where readings are missing.
export function pieces(points) {
  const gaps = points.slice(1).map((point, index) => Date.parse(point.at) - Date.parse(points[index].at));
  const usual = [...gaps].sort((one, two) => one - two)[Math.floor(gaps.length / 2)] ?? 0;
  const found = [[]];
  points.forEach((point, index) => {
    if (index > 0 && gaps[index - 1] > GAP_FACTOR * usual) found.push([]);
    found.at(-1).push(point);
  });
  return found;
}

// Upright lines whose names stand in rows of their own, so that moments close together stay readable.
function moments(marks, x, { from, to, width }) {
  return marks
    .map((mark) => ({ ...mark, at: Date.parse(mark.at) }))
    .filter((mark) => mark.at >= from && mark.at <= to)
    .flatMap((mark, row) => {
      const left = mark.kind === "end" ? x(mark.at) > width - NAME_ROOM : x(mark.at) > NAME_ROOM;
      const height = 11 + row * 13;
      return [
        svg("line", { class: `moment ${mark.kind}`, x1: x(mark.at), x2: x(mark.at), y1: height - 9, y2: HEIGHT - BOTTOM }),
        svg("text", { class: `moment-label ${mark.kind}`, x: x(mark.at) + (left ? -4 : 4), y: height, "text-anchor": left ? "end" : "start" }, t(`curve.${mark.kind}`)),
      ];
    });
}

function legend(series) {
  return el(
    "ul",
    { class: "legend" },
    series.map((one, index) => {
      const swatch = svg("svg", { viewBox: "0 0 14 4", class: "swatch", "aria-hidden": "true" }, svg("rect", { width: 14, height: 4, fill: COLOURS[index % COLOURS.length] }));
      return el("li", {}, swatch, ` ${one.gateway} · ${one.sensor} `, el("small", {}, `${one.model} · ${word("quantity", one.quantity)}`));
    }),
  );
}

function readOut(event, drawing, series, { from, to, width }, values) {
  const box = drawing.getBoundingClientRect();
  const along = ((event.clientX - box.left) / box.width) * width;
  const moment = from + ((along - LEFT) / (width - LEFT - RIGHT)) * (to - from);
  const nearest = (points) => points.reduce((best, point) => (Math.abs(Date.parse(point.at) - moment) < Math.abs(Date.parse(best.at) - moment) ? point : best));
  const parts = series.map((one) => `${one.sensor} ${nearest(one.points).mean.toFixed(1)}`);
  values.replaceChildren(`${clock(new Date(moment))}  ${parts.join("  ")}  ${t("curve.unit")}`);
}

function ceiling(value) {
  const least = Math.max(value * 1.1, 10);
  const power = 10 ** Math.floor(Math.log10(least));
  return ([1, 2, 4, 5, 8, 10].find((factor) => factor * power >= least) ?? 10) * power;
}
