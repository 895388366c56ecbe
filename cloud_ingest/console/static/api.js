// Talking to the server: plain fetches, and one stream that says what changed.

import { town } from "./words.js";

// Every address names the town: two windows may show two towns.
export function about(path) {
  return `${path}${path.includes("?") ? "&" : "?"}town=${encodeURIComponent(town)}`;
}

export async function get(path) {
  const answer = await fetch(about(path), { cache: "no-store", headers: { Accept: "application/json" } });
  if (!answer.ok) throw Object.assign(new Error(`${path}: ${answer.status}`), { status: answer.status });
  return answer.json();
}

// `onChange` gets the subjects that moved since the last event: all of them at first. A lost connection comes back by
// itself, and what moved meanwhile is in its first event.
export function listen({ onChange, onLink }) {
  let known = {};
  const source = new EventSource("/api/stream");
  source.addEventListener("open", () => onLink("live"));
  source.addEventListener("error", () => onLink("lost"));
  source.addEventListener("change", (event) => {
    const counters = JSON.parse(event.data);
    const moved = Object.keys(counters).filter((subject) => counters[subject] !== known[subject]);
    known = counters;
    onChange(moved);
  });
}

// Runs a job at once, but never twice within `least` ms: a call that comes too early is made up for when the time is over.
export function paced(least, job) {
  let next = 0;
  let waiting = false;
  return function run() {
    const wait = next - Date.now();
    if (wait <= 0) {
      next = Date.now() + least;
      job();
    } else if (!waiting) {
      waiting = true;
      setTimeout(() => {
        waiting = false;
        run();
      }, wait);
    }
  };
}
