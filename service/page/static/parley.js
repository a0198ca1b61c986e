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
  let seen = 0;
  const source = new EventSource(`/live?after=${encodeURIComponent(head)}`);
  source.addEventListener("message", () => {
    seen += 1;
    const again = document.createElement("a");
    again.href = location.href;
    again.textContent = "Show";
    note.replaceChildren(`${seen} new ${seen === 1 ? "event" : "events"} recorded since this page was made. `, again);
    note.hidden = false;
  });
  addEventListener("pagehide", () => source.close());
}
