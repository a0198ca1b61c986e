// What the reference does besides being read: requests are copied by a button, and a search answers while it is typed.

for (const block of document.querySelectorAll("pre[data-copied]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(block.querySelector("code").textContent);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  block.append(button);
}

const form = document.querySelector("form[data-find]");
const main = document.querySelector("main");
const before = [...main.childNodes], here = location.href, searched = form?.q.defaultValue;
let asked = null;
form?.q.addEventListener("input", async () => {
  asked?.abort();
  asked = new AbortController();
  const query = form.q.value.trim();
  const url = query ? `/schema?${new URLSearchParams({ q: query })}` : searched ? "/schema" : here;
  history.replaceState(null, "", url);
  if (url === here) return void main.replaceChildren(...before);
  try {
    const answer = await fetch(url, { signal: asked.signal });
    const found = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = found.querySelector("main");
    if (fresh) main.replaceChildren(...fresh.childNodes);
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  }
});
