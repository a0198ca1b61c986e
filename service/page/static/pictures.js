// The line at D can be moved: a slider on the axis, by pointer or by keys. While it moves, the state beside each lane is
// worked out from the spans that are drawn; when it rests, the view of that day is fetched and takes its place.
const EPOCH = 719163; // 1970-01-01 as the pictures count days: 0001-01-01 is 1
const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const LOOKS = { runs: "●", hidden: "◐", coming: "○", ended: "⊖", none: "" };

const dateOf = (day) => new Date((day - EPOCH) * 86400000);
const iso = (day) => dateOf(day).toISOString().slice(0, 10);
const words = (day) => { const at = dateOf(day); return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()}`; };

function stateOn(spans, day) {
  for (const [from, sure, to, look, text] of spans) {
    if (from <= day && (to === null || day < to)) return [look, day < sure ? `${text}, possible` : text];
  }
  return ["none", "not yet"];
}

function begin(figure) {
  const axis = figure.querySelector("[data-axis]");
  if (!axis || !figure.dataset.day) return;
  const first = Number(figure.dataset.first), last = Number(figure.dataset.last);
  const slider = document.createElement("input");
  Object.assign(slider, { type: "range", min: first, max: last, value: figure.dataset.day, className: "day-range" });
  slider.setAttribute("aria-label", "The day D");
  slider.setAttribute("aria-valuetext", words(Number(slider.value)));
  axis.append(slider);
  figure.classList.add("with-range");
  const lines = [...document.querySelectorAll("[data-day-line]")];
  const shown = [...document.querySelectorAll("[data-day-words]")];
  const lanes = [...figure.querySelectorAll("[data-spans]")].map((lane) => ({
    spans: JSON.parse(lane.dataset.spans), now: lane.querySelector("[data-now]"), was: null,
  }));
  let wanted = null, due = 0;
  const draw = () => {
    due = 0;
    const day = wanted, x = `${100 * (day - first) / (last + 1 - first)}%`;
    for (const line of lines) { line.setAttribute("x1", x); line.setAttribute("x2", x); }
    for (const each of shown) each.textContent = words(day);
    slider.setAttribute("aria-valuetext", words(day));
    for (const lane of lanes) {
      const [look, text] = stateOn(lane.spans, day);
      if (lane.was === look + text) continue;
      lane.was = look + text;
      lane.now.className = `state-then ${look}`;
      lane.now.textContent = `${LOOKS[look]} ${text}`;
    }
  };
  slider.addEventListener("input", () => {
    wanted = Number(slider.value);
    if (!due) due = requestAnimationFrame(draw);
  });
  slider.addEventListener("change", () => see(iso(Number(slider.value))));
}

let turn = 0;
async function see(day) {
  const url = new URL(location.href), mine = ++turn;
  url.searchParams.set("as_of", day);
  url.hash = "";
  const answer = await fetch(url, { headers: { Accept: "text/html" } });
  if (mine !== turn) return;
  if (!answer.ok) { location.assign(url); return; }
  const found = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (mine !== turn) return;
  const places = [...document.querySelectorAll("main .across")].map((each) => each.scrollLeft);
  const focused = document.activeElement?.classList.contains("day-range");
  for (const part of ["main", "form.question", "footer"]) {
    const [old, now] = [document.querySelector(part), found.querySelector(part)];
    if (old && now) old.replaceWith(now);
  }
  document.title = found.title;
  history.replaceState(null, "", url);
  start();
  document.querySelectorAll("main .across").forEach((each, place) => { each.scrollLeft = places[place] ?? 0; });
  if (focused) document.querySelector(".day-range")?.focus({ preventScroll: true });
}

// A link to a fact opens the year that it is folded into.
function unfold() {
  const aim = location.hash.startsWith("#fact-") && document.getElementById(location.hash.slice(1));
  const folded = aim && aim.closest("details:not([open])");
  if (folded) { folded.open = true; aim.scrollIntoView(); }
}

// Where a picture is wider than the window, it opens at the line at D, right of the names, and not at its first day.
function showDay(across) {
  const line = across.querySelector("[data-day-line]"), plot = across.querySelector(".plot");
  if (!line || !plot || across.scrollWidth <= across.clientWidth) return;
  const left = across.getBoundingClientRect().left, names = plot.getBoundingClientRect().left - left;
  const middle = names + (across.clientWidth - names) / 2;
  across.scrollLeft += line.getBoundingClientRect().left - left - middle;
}

function start() { document.querySelectorAll("figure.time").forEach(begin); }
start();
document.querySelectorAll("main .across").forEach(showDay);
unfold();
addEventListener("hashchange", unfold);
