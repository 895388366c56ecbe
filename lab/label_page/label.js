"use strict";
// Marks what a clip shows. Everything is kept at once; the server answers in words when it refuses.
const NAMES = { plume: "烟 plume", steam: "水汽 steam", other: "其他 other", nothing: "什么都没有 nothing" };
const $ = (id) => document.getElementById(id);
let clips = [], clip = null, at = 0, playing = null;
let draft = { kind: "plume", from: null, to: null, origin: null };

const seconds = (frame) => frame / clip.fps;
const words = (s) => s.toFixed(1) + " s";

async function start() {
  const told = await (await fetch("/api/clips")).json();
  clips = told.clips;
  $("folder").textContent = told.folder;
  told.kinds.forEach((kind, k) => {
    const button = document.createElement("button");
    button.className = kind;
    button.dataset.kind = kind;
    button.innerHTML = `${NAMES[kind]} <kbd>${k + 1}</kbd>`;
    button.onclick = () => pick(kind);
    $("kinds").append(button);
  });
  pick("plume");
  const first = clips.findIndex((one) => one.labels < 0);
  await open(clips[Math.max(first, 0)].name);
}

async function open(name) {
  stop();
  const answer = await fetch("/api/clips/" + encodeURIComponent(name));
  if (!answer.ok) return say((await answer.json()).detail, true);
  clip = await answer.json();
  at = 0;
  draft = { ...draft, from: null, to: null, origin: null };
  $("name").textContent = `${name} · ${clip.frames} 帧 frames`;
  $("slider").max = Math.max(clip.frames - 1, 0);
  for (const id of ["temp_c", "rh_percent"]) $(id).value = clip[id] ?? "";
  say("");
  show(0);
  list();
}

function show(frame) {
  if (!clip || !clip.frames) return;
  at = Math.min(Math.max(frame, 0), clip.frames - 1);
  $("frame").src = `/api/clips/${encodeURIComponent(clip.name)}/${at}`;
  $("slider").value = at;
  $("clock").textContent = `${words(seconds(at))} / ${words(seconds(clip.frames - 1))}`;
  draw();
}

function draw() {
  const end = Math.max(seconds(clip.frames - 1), 0.1), now = seconds(at);
  const rings = clip.labels.filter((one) => one.origin && one.from_s <= now && now <= one.to_s);
  if (draft.origin) rings.push({ kind: draft.kind, origin: draft.origin });
  $("marks").innerHTML = rings.map(({ kind, origin: [x, y] }) =>
    `<circle cx="${x * 1000}" cy="${y * 1000}" r="14" style="stroke:var(--${kind})"/>`).join("");
  $("bars").innerHTML = clip.labels.map((one) =>
    `<i style="left:${(100 * one.from_s) / end}%;width:${(100 * (one.to_s - one.from_s)) / end}%;` +
    `background:var(--${one.kind})"></i>`).join("");
  const part = (value) => (value === null ? "–" : words(value));
  $("draft").textContent = `${part(draft.from)} → ${part(draft.to)}` +
    (draft.origin ? ` · (${draft.origin.map((v) => (100 * v).toFixed(1) + "%").join(", ")})` : "");
}

function list() {
  $("clips").innerHTML = "";
  for (const one of clips) {
    const item = document.createElement("li"), button = document.createElement("button"), count = document.createElement("span");
    button.textContent = one.name;
    count.textContent = one.labels < 0 ? "未看 new" : `✓ ${one.labels}`;
    button.append(count);
    button.setAttribute("aria-current", String(clip !== null && one.name === clip.name));
    button.onclick = () => open(one.name);
    item.append(button);
    $("clips").append(item);
  }
  const body = $("labels").tBodies[0];
  body.innerHTML = "";
  clip.labels.forEach((one, k) => {
    const row = body.insertRow();
    const place = one.origin ? one.origin.map((v) => (100 * v).toFixed(1) + " %").join(", ") : "–";
    for (const text of [NAMES[one.kind], words(one.from_s), words(one.to_s), place]) row.insertCell().textContent = text;
    row.cells[0].className = one.kind;
    const away = document.createElement("button");
    away.textContent = "删除 remove";
    away.onclick = () => remove(k);
    row.insertCell().append(away);
  });
  draw();
}

function pick(kind) {
  draft.kind = kind;
  for (const button of $("kinds").children) button.setAttribute("aria-pressed", String(button.dataset.kind === kind));
  if (clip) draw();
}

function mark(end) {
  draft[end] = seconds(at);
  draw();
}

async function add() {
  const last = seconds(clip.frames - 1);
  const label = { kind: draft.kind, from_s: draft.from ?? 0, to_s: draft.to ?? last, origin: draft.origin };
  if (label.kind === "nothing") Object.assign(label, { from_s: 0, to_s: last, origin: null });
  if (await keep([...clip.labels, label])) {
    draft = { ...draft, from: null, to: null, origin: null };
    list();
  }
}

const remove = async (k) => (await keep(clip.labels.filter((_, n) => n !== k))) && list();

async function keep(labels) {
  const number = (id) => ($(id).value === "" ? null : Number($(id).value));
  const body = JSON.stringify({ labels, fps: clip.fps, temp_c: number("temp_c"), rh_percent: number("rh_percent") });
  let answer;
  try {
    answer = await fetch("/api/clips/" + encodeURIComponent(clip.name), {
      method: "PUT", headers: { "Content-Type": "application/json" }, body });
  } catch {
    say("没有保存：页面的程序已停止 not kept: the page's program has stopped", true);
    return false;
  }
  const told = await answer.json();
  if (!answer.ok) {
    say(`没有保存 not kept: ${told.problem ?? told.detail}`, true);
    return false;
  }
  clip.labels = labels;
  clips.find((one) => one.name === clip.name).labels = labels.length;
  say("已保存 kept");
  return true;
}

function say(text, problem = false) {
  $("saved").textContent = text;
  $("saved").className = problem ? "problem" : "";
}

function stop() {
  clearInterval(playing);
  playing = null;
  $("play").textContent = "▶";
}

function play() {
  if (playing) return stop();
  $("play").textContent = "❚❚";
  // Four times as fast as it was: smoke shows in its motion.
  playing = setInterval(() => (at + 1 < clip.frames ? show(at + 1) : stop()), 250 / clip.fps);
}

function neighbour(step) {
  const k = clips.findIndex((one) => one.name === clip.name) + step;
  if (k >= 0 && k < clips.length) open(clips[k].name);
}

$("stage").onclick = (event) => {
  const box = $("frame").getBoundingClientRect();
  draft.origin = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height]
    .map((v) => Math.min(Math.max(Math.round(v * 1e4) / 1e4, 0), 1));
  draw();
};
$("slider").oninput = () => show(Number($("slider").value));
$("play").onclick = play;
$("from").onclick = () => mark("from");
$("to").onclick = () => mark("to");
$("add").onclick = add;
for (const id of ["temp_c", "rh_percent"]) $(id).onchange = () => keep(clip.labels);

document.onkeydown = (event) => {
  if (!clip || event.target.type === "number" || event.ctrlKey || event.metaKey || event.altKey) return;
  const far = event.shiftKey ? 10 : 1;
  const does = {
    " ": play, ArrowLeft: () => show(at - far), ArrowRight: () => show(at + far), i: () => mark("from"),
    o: () => mark("to"), Enter: add, Backspace: () => remove(clip.labels.length - 1), n: () => neighbour(1),
    p: () => neighbour(-1), b: () => $("stage").classList.toggle("bright"),
  }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  const kind = ["1", "2", "3", "4"].indexOf(event.key);
  if (!does && kind < 0) return;
  event.preventDefault();
  document.activeElement?.blur(); // or Enter would press the button that was clicked last
  kind >= 0 ? pick(Object.keys(NAMES)[kind]) : does();
};
start();
