// Which leads this reader has looked at. Kept in the browser, so that a reload does not make old leads new again.

const KEY = "smokesentry-seen";
const KEPT = 300;

export class Seen {
  constructor() {
    this.fresh = new Set(); // open leads that nobody opened at this screen yet
    this.known = new Set();
    this.looked = new Set(load());
  }

  // Takes the current list; returns what was not in the one before (all of it unseen at this screen).
  update(alerts) {
    const arrived = alerts.filter((alert) => !this.known.has(alert.alert) && !this.looked.has(alert.alert) && alert.state === "open");
    for (const alert of alerts) this.known.add(alert.alert);
    this.fresh = new Set(alerts.filter((alert) => alert.state === "open" && !this.looked.has(alert.alert)).map((alert) => alert.alert));
    return arrived;
  }

  mark(id) {
    this.looked.add(id);
    this.fresh.delete(id);
    save([...this.looked].slice(-KEPT));
  }
}

function load() {
  try {
    const ids = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(ids) ? ids : [];
  } catch {
    return []; // storage is switched off or holds something else: then every open lead counts as new
  }
}

function save(ids) {
  try {
    localStorage.setItem(KEY, JSON.stringify(ids));
  } catch {
    // storage is switched off: the choice holds until the page is closed
  }
}
