// Talking to the server: plain fetches, and one stream that says what changed.

export async function get(path) {
  const answer = await fetch(path, { cache: "no-store", headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

// `onChange` gets the subjects that moved since the last event; after a lost connection everything may have moved.
export function listen({ onChange, onLink }) {
  let seen = {};
  const source = new EventSource("/api/stream");
  source.addEventListener("open", () => onLink("live"));
  source.addEventListener("error", () => onLink("lost"));
  source.addEventListener("change", (event) => {
    const counters = JSON.parse(event.data);
    const moved = Object.keys(counters).filter((subject) => counters[subject] !== seen[subject]);
    seen = counters;
    onChange(new Set(moved));
  });
}
