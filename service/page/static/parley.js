// What the page does besides being read; without it everything still works.

// A form sends only the fields that say something, so that URLs stay short.
for (const form of document.querySelectorAll("form[data-tidy]")) {
  form.addEventListener("submit", () => {
    const empty = [...form.elements].filter((field) => field.name && !field.value);
    for (const field of empty) field.disabled = true;
    setTimeout(() => empty.forEach((field) => { field.disabled = false; }));
  });
}

// The pinned URL: copied as well as opened.
for (const link of document.querySelectorAll("a[data-copy]")) {
  link.addEventListener("click", () => navigator.clipboard?.writeText(link.href).catch(() => {}));
}

// New facts: a note, and nothing moves until the reader asks.
const head = document.body.dataset.head;
const note = document.querySelector("[data-live]");
if (head !== undefined && note && window.EventSource) {
  let seen = 0, after = head, source = null;
  const tell = (event) => {
    seen += 1;
    after = event.lastEventId || after;
    const again = document.createElement("a");
    again.href = location.href;
    again.textContent = "Show";
    note.replaceChildren(`${seen} new ${seen === 1 ? "event" : "events"} recorded since this page was made. `, again);
    note.hidden = false;
  };
  // A browser has few connections to one host: only the tab that is looked at keeps one.
  const follow = () => {
    source?.close();
    source = document.hidden ? null : new EventSource(`/live?after=${encodeURIComponent(after)}`);
    source?.addEventListener("message", tell);
  };
  document.addEventListener("visibilitychange", follow);
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => { if (event.persisted) follow(); });
  follow();
}
