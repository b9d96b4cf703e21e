// Arrow keys among hits: one of them is in the order of Tab, arrows choose which.

const LETTERS = { m: "more", l: "less", c: "captions", p: "pictures" };

/** Makes `list` a place where arrows move; `onLeave(direction)` hears of a step over its edge. */
export function moveWithArrows(list, { onLeave = () => false } = {}) {
  list.addEventListener("focusin", (event) => setCurrent(list, event.target.closest(".hit")));
  list.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const hit = event.target.closest(".hit");
    const action = LETTERS[event.key];
    if (action) {
      hit.querySelector(`[data-action="${action}"]`).click();
    } else if (event.key in STEPS && event.target.matches(".open")) {
      event.preventDefault();
      const next = STEPS[event.key](shown(list), hit);
      if (next) focusHit(next);
      else onLeave(event.key);
    }
  });
}

/** Hits can be reached with Tab again after they were drawn. */
export function ensureCurrent(list) {
  if (!list.querySelector(".hit.current:not([hidden])")) setCurrent(list, list.querySelector(".hit:not([hidden])"));
}

export function focusHit(hit) {
  const link = hit.querySelector(".open");
  link.focus({ preventScroll: true });
  link.scrollIntoView({ block: "nearest" });
}

function setCurrent(list, hit) {
  const before = list.querySelector(".hit.current");
  if (!hit || before === hit) return;
  if (before) mark(before, false);
  mark(hit, true);
}

function mark(hit, current) {
  hit.classList.toggle("current", current);
  for (const element of hit.querySelectorAll("a, button")) element.tabIndex = current ? 0 : -1;
}

const shown = (list) => [...list.querySelectorAll(".hit:not([hidden], .held)")];

const STEPS = {
  ArrowRight: (hits, hit) => hits[hits.indexOf(hit) + 1],
  ArrowLeft: (hits, hit) => hits[hits.indexOf(hit) - 1],
  ArrowDown: (hits, hit) => nearest(hits, hit, 1),
  ArrowUp: (hits, hit) => nearest(hits, hit, -1),
  Home: (hits) => hits[0],
  End: (hits) => hits.at(-1),
};

/** In the next row in that direction, the hit whose middle is closest. */
function nearest(hits, from, direction) {
  const start = from.getBoundingClientRect();
  const middle = start.left + start.width / 2;
  let row = null;
  let best = null;
  for (let i = hits.indexOf(from) + direction; hits[i]; i += direction) {
    const box = hits[i].getBoundingClientRect();
    if (Math.abs(box.top - start.top) < 8) continue;
    row ??= box.top;
    if (Math.abs(box.top - row) > 8) break;
    const distance = Math.abs(box.left + box.width / 2 - middle);
    if (!best || distance < best.distance) best = { distance, hit: hits[i] };
  }
  return best?.hit;
}
