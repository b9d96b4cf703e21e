// Addresses: which view, which query, and where the reader was in it. Every link works in a new tab too.

let render = () => {};
let snapshot = () => ({});

/** `onChange({params, restored})` draws what the address says; `restored` is what `onLeave()` answered
 * when the reader left this entry of the history, or null on a first visit. */
export function startRouter(onChange, onLeave) {
  render = onChange;
  snapshot = onLeave;
  history.scrollRestoration = "manual";
  addEventListener("popstate", () => draw(history.state?.kept ?? null));
  addEventListener("pagehide", keep);
  // A click on Back first shows the old entry, and only then says so: what is seen has to be kept before.
  addEventListener("scrollend", keep);
  document.addEventListener("click", follow);
  if (history.state === null) history.replaceState({ depth: 0 }, "");
  draw(history.state.kept ?? null);
}

export function navigate(address, { replace = false } = {}) {
  keep();
  const { depth } = history.state;
  const same = address === (location.search || "?");
  if (replace || same) history.replaceState({ depth }, "", address);
  else history.pushState({ depth: depth + 1 }, "", address);
  draw(null);
}

/** Back to where the reader came from, or to the start when this was the first page. */
export function goBack() {
  if (history.state.depth > 0) history.back();
  else navigate("?");
}

export const itemAddress = (id) => `?${new URLSearchParams({ view: "item", id })}`;

function draw(restored) {
  render({ params: new URLSearchParams(location.search), restored });
}

function keep() {
  history.replaceState({ ...history.state, kept: snapshot() }, "");
}

function follow(event) {
  const link = event.target.closest?.("a[href^='?']");
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (!link || !plain || event.defaultPrevented || link.target) return;
  event.preventDefault();
  navigate(link.getAttribute("href"));
}
