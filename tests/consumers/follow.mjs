// Follows the feed of a service and keeps its place in a file; it may be killed at any time and started again.
//
//   node follow.mjs URL fetch|stream FILE UNTIL
//
// FILE gets one line an event: its position and its id. What it holds is the place: nothing else is kept. It ends when it
// has the position UNTIL. Node 20 has EventSource behind --experimental-eventsource.
import { appendFileSync, existsSync, readFileSync, truncateSync } from "node:fs";

const [url, how, file, until] = process.argv.slice(2);

/** The last whole line of the file; what a kill left of the next one is cut off. */
function place() {
  if (!existsSync(file)) return 0;
  const text = readFileSync(file, "utf8");
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  if (whole.length < text.length) truncateSync(file, whole.length);
  return whole ? Number(whole.trimEnd().split("\n").at(-1).split(" ")[0]) : 0;
}

let after = place();

function take(event) {
  if (event.position !== after + 1) throw new Error(`${event.position} came behind ${after}`);
  appendFileSync(file, `${event.position} ${event.id}\n`);
  after = event.position;
  if (after >= Number(until)) process.exit(0);
}

async function poll() {
  for (;;) {
    try {
      const answer = await fetch(`${url}/v1/feed?after=${after}&limit=100&wait=30`);
      if (!answer.ok) throw new TypeError(`status ${answer.status}`);
      for (const event of (await answer.json()).events) take(event);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // what fetch says of a lost connection
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

function stream() {
  const source = new EventSource(`${url}/v1/feed/stream?after=${after}`);
  source.onmessage = ({ data }) => take(JSON.parse(data));
  source.onerror = () => source.readyState === EventSource.CLOSED && process.exit(2);
}

if (after >= Number(until)) process.exit(0);
how === "stream" ? stream() : await poll();
