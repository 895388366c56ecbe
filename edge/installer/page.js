"use strict";
const WORDS = {
  zh: { title: "烟哨 · 安装", other: "English", open: "打开", pin_words: "请在网关上取一次性口令，15 分钟内有效：",
    pin_wrong: "口令不对或已失效", tab_aim: "对准", tab_siting: "选址", tab_mask: "遮挡", focus: "清晰度", light: "亮度",
    noise: "噪声（灰阶）", dark: "全黑的画面", bright: "过亮的画面", no_frame: "还没有画面",
    aim_hint: "点一下烟囱附近有细节的地方，转动镜头，让清晰度达到最高。", focus_top: "已在最高处", focus_low: "曾到过 {0}，再转回去",
    siting_hint: "点一下烟会出现的地方（烟囱口上方的背景），填距离，看这支镜头能不能判断。", distance: "距离（米）",
    plume: "烟的宽度（米）", hfov: "镜头水平视角（度）", judge: "能判断吗？", pixels: "烟宽（像素）", contrast: "对比 ÷ 噪声",
    yes: "能判断", hardly: "勉强", no: "不能判断",
    too_small: "太小：至少要 4 个像素，请换长焦镜头或靠近。", small: "偏小：至少要 4 个像素。",
    too_dark: "烟后面几乎没有光：夜里看不出烟。换一个有灯光衬托的角度。", weak_light: "光偏弱：只有较浓的烟看得出。",
    blinded: "灯光直射，画面过亮：避开这盏灯。", good: "像素和光线都够。",
    mask_hint: "逐点圈出窗户、院子等不该看的地方，再点“闭合”。保存后立即生效：遮住的内容在存储、发送之前就已抹去。",
    undo: "退一步", close: "闭合", remove: "删除上一块", save: "保存遮挡", saved: "已保存，{0} 块", not_saved: "已生效，但写不进磁盘，重启后会丢失：{0}",
    closed: "以前画的遮挡读不出来，为免露出不该看的地方，这台摄像机停拍。点“保存遮挡”后重新拍摄，请随即重画。",
    suspected: "疑似冒烟", not_suspected: "未见冒烟", cannot_judge: "无法判断", open_mask: "还有一块没有闭合" },
  en: { title: "Smoke Sentry · set-up", other: "中文", open: "Open", pin_words: "Ask the gateway for a one-time PIN, good for 15 minutes:",
    pin_wrong: "Wrong PIN, or no longer valid", tab_aim: "Aim", tab_siting: "Siting", tab_mask: "Masks", focus: "Focus", light: "Light",
    noise: "Noise (grey levels)", dark: "Black share of the picture", bright: "Blinded share", no_frame: "No picture yet",
    aim_hint: "Tap something with detail near a chimney, then turn the lens until focus is greatest.", focus_top: "At its best so far", focus_low: "It has been {0}: turn back",
    siting_hint: "Tap where smoke would show (the background above the chimney's mouth), enter the distance.", distance: "Distance (m)",
    plume: "Width of the plume (m)", hfov: "Horizontal view of the lens (°)", judge: "Can it judge?", pixels: "Plume across (pixels)", contrast: "Contrast ÷ noise",
    yes: "It can judge", hardly: "Hardly", no: "It cannot judge",
    too_small: "Too small: 4 pixels at least. Take a longer lens, or go nearer.", small: "Small: 4 pixels are needed.",
    too_dark: "Almost no light behind the smoke: it would not show at night. Find an angle with a lit background.", weak_light: "Weak light: only dense smoke will show.",
    blinded: "A lamp blinds the camera there: keep it out of view.", good: "Pixels and light suffice.",
    mask_hint: "Tap around windows and yards that must not be seen, then close the shape. Masks work at once: what they hide is blackened before anything is stored or sent.",
    undo: "Undo", close: "Close shape", remove: "Remove last", save: "Save masks", saved: "Saved: {0}", not_saved: "They work now, but could not be written to the disk and are lost at a restart: {0}",
    closed: "The masks drawn earlier cannot be read. So that nothing hidden shows, this camera takes no pictures. Save masks and it looks again; then draw them anew at once.",
    suspected: "Smoke suspected", not_suspected: "No smoke seen", cannot_judge: "Cannot judge", open_mask: "One shape is still open" },
};
const at = (id) => document.getElementById(id);
let lang = localStorage.getItem("lang") || (navigator.language.startsWith("zh") ? "zh" : "en");
let cameras = [], chosen = null, tab = "aim", spot = null, masks = [], drawing = [], best = 0, image = null;

const t = (key, value) => (WORDS[lang][key] || key).replace("{0}", value);
const post = (path, body) => fetch(path, { method: "POST", body: JSON.stringify(body),
  headers: { "Content-Type": "application/json", "X-Smokesentry": "1" } });

function speak() {
  document.documentElement.lang = lang;
  document.title = t("title");
  for (const node of document.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  at("lang").textContent = t("other");
  at("no_frame").textContent = t("no_frame");
  at("saved").textContent = "";
  at("answer").hidden = true;
  showTabs(); showCameras(); showSays();
}

function showTabs() {
  at("tabs").replaceChildren(...["aim", "siting", "mask"].map((name) => {
    const button = document.createElement("button");
    button.textContent = t("tab_" + name);
    button.setAttribute("role", "tab");
    button.setAttribute("aria-selected", name === tab);
    button.onclick = () => { tab = name; showTabs(); draw(); };
    return button;
  }));
  for (const name of ["aim", "siting", "mask"]) at("tab_" + name).hidden = name !== tab;
}

function showCameras() {
  at("cameras").hidden = cameras.length < 2;
  at("cameras").replaceChildren(...cameras.map((camera) => {
    const button = document.createElement("button");
    button.textContent = camera.name;
    button.setAttribute("aria-selected", chosen && camera.name === chosen.name);
    button.onclick = () => choose(camera);
    return button;
  }));
}

function showSays() {
  if (!chosen) return;
  at("says").textContent = chosen.closed ? t("closed") : t(chosen.verdict) + (chosen.cause[lang] ? " · " + chosen.cause[lang] : "");
  at("says").className = chosen.closed ? "bad" : "";
}

function choose(camera) {
  chosen = camera;
  masks = camera.masks.map((polygon) => polygon.map((point) => [...point]));
  drawing = []; spot = null; best = 0; image = null;
  if (camera.hfov_deg) at("hfov").value = camera.hfov_deg;
  at("saved").textContent = "";
  at("answer").hidden = true;
  showCameras(); showSays();
}

function draw() {
  const canvas = at("picture"), pen = canvas.getContext("2d");
  at("no_frame").hidden = Boolean(image);
  if (!image) return;
  if (canvas.width !== image.width) { canvas.width = image.width; canvas.height = image.height; }
  pen.drawImage(image, 0, 0);
  const unit = canvas.width / 400;
  pen.lineWidth = 2 * unit;
  for (const [x, y] of chosen.chimneys) ring(pen, x, y, 5 * unit, "#ffd54a");
  if (tab === "mask") {
    masks.forEach((polygon) => shape(pen, polygon, unit, true));
    shape(pen, drawing, unit, false);
  } else if (spot) {
    const side = Math.max(16, 0.12 * canvas.width);
    pen.strokeStyle = "#4fc3f7";
    pen.strokeRect(spot[0] - side / 2, spot[1] - side / 2, side, side);
  }
}

function ring(pen, x, y, radius, colour) {
  pen.strokeStyle = colour; pen.beginPath(); pen.arc(x, y, radius, 0, 7); pen.stroke();
}

function shape(pen, polygon, unit, closed) {
  if (!polygon.length) return;
  pen.beginPath();
  polygon.forEach(([x, y], n) => (n ? pen.lineTo(x, y) : pen.moveTo(x, y)));
  if (closed) { pen.closePath(); pen.fillStyle = "rgba(240,98,146,.3)"; pen.fill(); }
  pen.strokeStyle = "#f06292"; pen.stroke();
  if (!closed) polygon.forEach(([x, y]) => ring(pen, x, y, 4 * unit, "#f06292"));
}

at("picture").onclick = (event) => {
  if (!image) return;
  const box = at("picture").getBoundingClientRect(), canvas = at("picture");
  const inside = (value, most) => Math.round(Math.min(Math.max(value, 0), most));
  const point = [inside((event.clientX - box.left) / box.width * canvas.width, canvas.width),
    inside((event.clientY - box.top) / box.height * canvas.height, canvas.height)];
  if (tab === "mask") drawing.push(point); else { spot = point; best = 0; }
  draw();
};

at("undo").onclick = () => { drawing.pop(); draw(); };
at("close").onclick = () => { if (drawing.length > 2) { masks.push(drawing); drawing = []; draw(); } };
at("remove").onclick = () => { masks.pop(); draw(); };
at("save").onclick = async () => {
  if (drawing.length) { at("saved").textContent = t("open_mask"); at("saved").className = "warn"; return; }
  const answer = await (await post("/api/masks/" + chosen.name, masks)).json();
  at("saved").textContent = answer.saved ? t("saved", masks.length) : t("not_saved", answer.why || answer.error);
  at("saved").className = answer.saved ? "good" : "bad";
};

at("judge").onclick = async () => {
  if (!image) return;
  const [x, y] = spot || (spot = [image.width / 2, image.height / 2]);
  const response = await post("/api/siting", { camera: chosen.name, x, y, hfov_deg: Number(at("hfov").value),
    distance_m: Number(at("distance").value), plume_m: Number(at("plume").value) });
  const found = await response.json();
  at("answer").hidden = false;
  at("answer_word").textContent = response.ok ? t(found.answer) : found.error;
  at("answer_word").className = { yes: "good", hardly: "warn" }[found.answer] || "bad";
  at("answer_why").textContent = response.ok ? found.causes.map((cause) => t(cause)).join(" ") : "";
  at("answer_px").textContent = response.ok ? found.pixels + " (≥ 4)" : "";
  at("answer_contrast").textContent = response.ok ? found.contrast + " (≥ 2)" : "";
  draw();
};

async function measure() {
  if (tab !== "aim" || !image) return;
  const [x, y] = spot || [image.width / 2, image.height / 2];
  const response = await fetch(`/api/meter/${chosen.name}?x=${x}&y=${y}`);
  const meter = response.ok && await response.json();
  if (!meter) return;
  best = Math.max(best, meter.focus);
  at("focus").textContent = meter.focus.toFixed(1);
  at("focus_bar").style.width = (best ? 100 * meter.focus / best : 0) + "%";
  at("focus_words").textContent = meter.focus > 0.97 * best ? t("focus_top") : t("focus_low", best.toFixed(1));
  at("level").textContent = meter.level.toFixed(0);
  at("level_bar").style.width = meter.level / 2.55 + "%";
  at("noise").textContent = meter.noise.toFixed(1);
  at("dark").textContent = (100 * meter.dark_share).toFixed(0) + " %";
  at("bright").textContent = (100 * meter.bright_share).toFixed(1) + " %";
}

async function look() {
  const response = await fetch("/api/state");
  const shut = response.status === 401;
  at("login").hidden = !shut;
  document.querySelector("main").hidden = shut;
  if (shut) return;
  const state = await response.json();
  at("gateway").textContent = state.gateway;
  cameras = state.cameras;
  const same = chosen && cameras.find((camera) => camera.name === chosen.name);
  if (same) { Object.assign(chosen, { verdict: same.verdict, cause: same.cause, closed: same.closed }); showSays(); }
  else if (cameras.length) choose(cameras[0]);
  if (!chosen) return;
  const frame = await fetch("/api/frame/" + chosen.name);
  image = frame.ok ? await createImageBitmap(await frame.blob()) : null;
  draw();
  await measure();
}

async function turn() {
  try { await look(); } catch (error) { at("says").textContent = String(error); }
  setTimeout(turn, 500);
}

at("login").onsubmit = async (event) => {
  event.preventDefault();
  at("pin_wrong").hidden = (await post("/api/login", { pin: at("pin").value })).ok;
};
at("lang").onclick = () => { lang = lang === "zh" ? "en" : "zh"; localStorage.setItem("lang", lang); speak(); };
speak();
turn();
