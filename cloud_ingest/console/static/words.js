// Words in the reader's language and times in the site's zone. Both come with the page, as data.

const page = JSON.parse(document.getElementById("page-data").textContent);

export const lang = page.lang;
export const zone = page.zone;
export const town = page.town;

export function has(key) {
  return Object.hasOwn(page.words, key);
}

export function t(key, values = {}) {
  const text = has(key) ? page.words[key] : key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (Object.hasOwn(values, name) ? String(values[name]) : whole));
}

// A word for a value that came over the network: the translation if there is one, else the value itself.
export function word(group, value) {
  return has(`${group}.${value}`) ? t(`${group}.${value}`) : String(value ?? "–");
}

const phrases = page.phrases.map(([from, to]) => ({ parts: from.split("{}"), to }));

// A sentence that a gateway or the geotag room wrote, in the reader's language if it is a known one, else as it came.
export function sentence(text) {
  for (const { parts, to } of phrases) {
    const holes = fitting(parts, text);
    if (holes) return to.replaceAll("{}", () => inHole(holes.shift()));
  }
  return text;
}

// A hole holds a class, a figure or a name, or again a known sentence (why a sensor does not count).
function inHole(text) {
  return has(`class.${text}`) ? t(`class.${text}`) : sentence(text);
}

// What stands in the holes between `parts`, or null. Never goes back, so no text can make it slow.
function fitting(parts, text) {
  const holes = [];
  if (!text.startsWith(parts[0])) return null;
  let at = parts[0].length;
  for (const [index, part] of parts.slice(1).entries()) {
    const last = index === parts.length - 2;
    const next = last ? text.length - part.length : text.indexOf(part, at + 1);
    if (next <= at || !text.startsWith(part, next)) return null;
    holes.push(text.slice(at, next));
    at = next + part.length;
  }
  return at === text.length ? holes : null;
}

const locale = lang === "zh" ? "zh-CN" : "en-GB";
const clockFormat = new Intl.DateTimeFormat(locale, { timeZone: zone, hour12: false, hour: "2-digit", minute: "2-digit", second: "2-digit" });
const shortFormat = new Intl.DateTimeFormat(locale, { timeZone: zone, hour12: false, hour: "2-digit", minute: "2-digit" });
const dayFormat = new Intl.DateTimeFormat(locale, { timeZone: zone, month: "short", day: "numeric" });

export const clock = (moment) => clockFormat.format(moment);
export const hourMinute = (moment) => shortFormat.format(moment);

// Clock time, with the day in front when it is not today's.
export function localTime(iso) {
  const moment = new Date(iso);
  const today = dayFormat.format(new Date());
  const day = dayFormat.format(moment);
  return day === today ? clock(moment) : `${day} ${clock(moment)}`;
}

export function ago(iso) {
  const minutes = Math.floor((Date.now() - Date.parse(iso)) / 60000);
  if (minutes < 1) return t("time.now");
  if (minutes < 60) return t("time.minutes", { count: minutes });
  if (minutes < 48 * 60) return t("time.hours", { count: Math.floor(minutes / 60) });
  return t("time.days", { count: Math.floor(minutes / 1440) });
}

// Rounding never turns a chance into a certainty.
export function percent(share) {
  if (share > 0 && share < 0.01) return "<1%";
  return share > 0.99 ? ">99%" : `${Math.round(share * 100)}%`;
}

export function duration(seconds) {
  if (seconds < 3600) return t("time.span.minutes", { count: Math.floor(seconds / 60) });
  return t("time.span.hours", { count: (seconds / 3600).toFixed(seconds < 36000 ? 1 : 0) });
}
