// Marks are made in two clicks, one in the still and one on the map; from four on the server solves after each change.

import { ARROW_TIMES, Picture } from "./picture.js";
import { Town } from "./town.js";

const lang = document.body.dataset.lang;
const LEAST = 4;
const marks = []; // {name, x_px, y_px, lat, lon, height_m}; without lat the map's click is awaited
let words = {};
let report = null;
let asked = 0;
let picture, town;

const find = (selector) => document.querySelector(selector);
const say = (key, values = {}) => (words[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");

async function post(path, body) {
  const answer = await fetch(`${path}?lang=${lang}`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
  return answer.json();
}

const complete = () => marks.filter((mark) => mark.lat !== undefined);
const body = () => ({ marks: complete().map(({ name, x_px, y_px, lat, lon, height_m }) => ({ name, x_px, y_px, lat, lon, height_m })) });

async function start() {
  const data = await (await fetch(`/data?lang=${lang}`)).json();
  words = data.words;
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = say(element.dataset.word, { times: ARROW_TIMES });
  find("h1").textContent = `${say("title")}: ${data.camera.name}`;
  picture = new Picture(find("#still"), data.frame_size, markPixel);
  town = new Town(find("#map"), data.camera, data.roofs, markPlace);
  find("#save").addEventListener("click", save);
  draw();
}

function markPixel(x, y) {
  const open = marks.find((mark) => mark.lat === undefined);
  if (open) Object.assign(open, { x_px: x, y_px: y });
  else marks.push({ name: freshName(String(marks.length + 1)), x_px: x, y_px: y });
  draw();
}

function markPlace({ lon, lat, height_m, name, kind }) {
  const open = marks.find((mark) => mark.lat === undefined);
  if (!open) return;
  Object.assign(open, { lon, lat, height_m: Math.round(height_m * 100) / 100 });
  open.name = freshName(`${say(kind)} ${name ?? marks.length}`, open);
  changed();
}

function freshName(wanted, mine) {
  let name = wanted.slice(0, 70);
  for (let k = 2; marks.some((mark) => mark !== mine && mark.name === name); k += 1) name = `${wanted.slice(0, 70)} (${k})`;
  return name;
}

async function changed() {
  report = null;
  draw();
  const mine = ++asked;
  if (complete().length < LEAST) return;
  const answer = await post("/solve", body());
  if (mine !== asked) return; // a newer question is under way
  report = answer.report ?? null;
  draw(answer.problem ?? (answer.report ? null : JSON.stringify(answer.detail ?? answer)));
}

async function save() {
  find("#save").disabled = true;
  const answer = await post("/save", body());
  find("#saved").hidden = false;
  find("#saved").textContent = answer.saved ? say("saved", { files: answer.saved.join(", ") }) : answer.problem;
  if (!answer.saved) find("#save").disabled = false;
}

function found(mark) {
  return report?.points.find((point) => point.name === mark.name);
}

function draw(problem = null) {
  const shown = marks.map((mark, k) => {
    const point = found(mark);
    const state = mark.lat === undefined ? "open" : point && !point.used ? "wrong" : "used";
    return { ...mark, number: k + 1, state, residual: point?.residual_px ?? null };
  });
  picture.draw(shown);
  town.marks(shown.filter((mark) => mark.state !== "open"));
  find("#marks tbody").replaceChildren(...shown.map(row));
  const missing = LEAST - complete().length;
  const open = marks.some((mark) => mark.lat === undefined);
  find("#hint").textContent = open ? say("now_map") : missing > 0 ? say("more", { count: missing }) : report ? say("good") : "";
  find("#problem").hidden = !problem;
  find("#problem").textContent = problem ?? "";
  result();
}

function row(mark) {
  const line = document.createElement("tr");
  line.className = mark.state;
  const cell = (content) => {
    const made = line.insertCell();
    made.append(content);
    return made;
  };
  cell(String(mark.number));
  cell(mark.state === "wrong" ? `${mark.name} — ${say("wrong")}` : mark.name);
  cell(`${mark.x_px.toFixed(1)}, ${mark.y_px.toFixed(1)}`);
  if (mark.state === "open") cell("…");
  else {
    const input = document.createElement("input");
    Object.assign(input, { type: "number", step: "0.1", value: mark.height_m, ariaLabel: `${say("height")} ${mark.number}` });
    input.addEventListener("change", () => {
      const height = Number(input.value);
      if (Number.isFinite(height)) marks[mark.number - 1].height_m = height;
      changed();
    });
    cell(input);
  }
  cell(mark.residual ? `${mark.residual[0].toFixed(1)}, ${mark.residual[1].toFixed(1)}` : "");
  const remove = document.createElement("button");
  remove.textContent = "×";
  remove.title = say("remove");
  remove.addEventListener("click", () => {
    marks.splice(mark.number - 1, 1);
    changed();
  });
  cell(remove);
  return line;
}

function result() {
  const list = find("#result dl");
  list.hidden = !report;
  find("#ellipses").hidden = !report;
  find("#save").disabled = !report;
  if (!report) {
    town.ellipses([]);
    return;
  }
  const { pose, sigma } = report;
  const lines = [
    [say("heading"), `${pose.heading_deg.toFixed(2)}° ± ${sigma.heading_deg.toFixed(2)}°`],
    [say("tilt"), `${pose.tilt_deg.toFixed(2)}° ± ${sigma.tilt_deg.toFixed(2)}°`],
    [say("roll"), `${pose.roll_deg.toFixed(2)}° ± ${sigma.roll_deg.toFixed(2)}°`],
    [say("view"), `${pose.hfov_deg.toFixed(1)}° ± ${sigma.hfov_deg.toFixed(1)}°`],
    [say("lens_height"), `${pose.height_m.toFixed(1)} ± ${sigma.height_m.toFixed(1)} m`],
    [say("place"), `± ${Math.max(sigma.east_m, sigma.north_m).toFixed(1)} m`],
    [say("rms"), `${report.rms_px} px`],
    [say("version"), String(pose.pose_version)],
  ];
  list.replaceChildren(
    ...lines.flatMap(([term, text]) => {
      const [dt, dd] = [document.createElement("dt"), document.createElement("dd")];
      [dt.textContent, dd.textContent] = [term, text];
      return [dt, dd];
    }),
  );
  find("#ellipses tbody").replaceChildren(
    ...report.ground_ellipses_95.map((one) => {
      const line = document.createElement("tr");
      line.insertCell().textContent = `${one.range_m} m`;
      line.insertCell().textContent = `± ${one.major_m.toFixed(1)} m × ${one.minor_m.toFixed(1)} m`;
      return line;
    }),
  );
  town.turn(pose.heading_deg, pose.hfov_deg, pose.place.lon, pose.place.lat);
  town.ellipses(report.ground_ellipses_95);
}

start();
