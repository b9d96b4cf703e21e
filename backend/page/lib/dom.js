// Makes elements. Text only ever becomes text nodes and attributes: nothing that comes from outside is
// read as markup anywhere on this page.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes, `on…` listeners, `data` and `style` (through CSSOM, which the policy allows). */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  if (tag === "button") element.type = "button"; // One that submits says so.
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "style") for (const [key, one] of Object.entries(value)) element.style.setProperty(key, one);
    else if (value === true) element.setAttribute(name, "");
    else if ((value ?? false) !== false) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => (child ?? false) !== false));
  return element;
}

// Paths on a 24 by 24 grid, drawn with round strokes.
const ICONS = {
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM20 20l-4.8-4.8",
  picture: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9h.01",
  words: "M4 6h16M4 11h16M4 16h10",
  more: "M12 5v14M5 12h14",
  less: "M5 12h14",
  close: "M6 6l12 12M18 6 6 18",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6 19 19M5 19l1.4-1.4M17.6 6.4 19 5",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5Z",
  keyboard: "M3 7h18v10H3zM7 10.5h.01M10.5 10.5h.01M14 10.5h.01M17 10.5h.01M8 14h8",
  upload: "M12 16V4M7 9l5-5 5 5M4 16v4h16v-4",
  folder: "M3 6h6l2 2h10v11H3z",
  retry: "M20 11a8 8 0 1 0-2.3 6.3M20 5v6h-6",
  delete: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  check: "M5 12.5l4.5 4.5L19 7.5",
  down: "M6 9.5l6 6 6-6",
  tag: "M4 4h8l8 8-8 8-8-8zM8.5 8.5h.01",
  calendar: "M4 6h16v14H4zM4 10h16M8 3v4M16 3v4",
  sliders: "M4 7h9M17 7h3M15 5v4M4 17h3M11 17h9M9 15v4",
  download: "M12 4v12M7 11l5 5 5-5M4 20h16",
};

export function icon(name, size = 18) {
  const svg = document.createElementNS(SVG, "svg");
  const attributes = { viewBox: "0 0 24 24", width: size, height: size, class: "icon", "aria-hidden": true };
  for (const [key, value] of Object.entries(attributes)) svg.setAttribute(key, value);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** A button that shows an icon and says `label` to everyone who cannot see it. */
export function iconButton(name, label, onclick, attributes = {}) {
  return h("button", { class: "icon-button", "aria-label": label, title: label, onclick, ...attributes }, icon(name));
}

const FOCUSABLE = "a[href], button:enabled, input:enabled, select:enabled, textarea, summary";
const nameOf = (one) => one.tagName + (one.getAttribute("aria-label") ?? (one.closest("label") ?? one).textContent);
const looks = new WeakMap();

/** Fills `place` anew with what `make` answers, when `look` (all that it depends on) has changed. The focus goes on
 * to what has the name of what had it, else to what stands in its place. */
export function redraw(place, look, make) {
  const wanted = JSON.stringify(look);
  if (looks.get(place) === wanted) return;
  looks.set(place, wanted);
  const reachable = () => [...place.querySelectorAll(FOCUSABLE)].filter((one) => one.checkVisibility());
  const before = reachable();
  const at = before.indexOf(document.activeElement);
  place.replaceChildren(...[make()].flat(Infinity).filter(Boolean));
  if (at < 0) return;
  const now = reachable();
  const same = [now[at], ...now].find((one) => one && nameOf(one) === nameOf(before[at]));
  const next = same ?? now[at] ?? now.at(-1) ?? document.getElementById("main");
  next.focus({ preventScroll: next.id === "main" });
}

/** Calls `run` once `ms` have passed without another call. */
export function debounced(run, ms) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => run(...values), ms);
  };
}
