// Arrow keys among hits: one of them is in the order of Tab, arrows choose which.

const LETTERS = { m: "more", l: "less", c: "captions", p: "pictures" };

/** Pictures and the captions beside them: arrows lead through each and across; `onUp` hears of a step over the top. */
export function moveWithArrows(grid, list, onUp = () => {}) {
  for (const [here, other] of [[grid, list], [list, grid]]) {
    here.addEventListener("focusin", (event) => setCurrent(here, event.target.closest(".hit")));
    here.addEventListener("keydown", (event) => onKey(event, here, other, onUp));
  }
}

function onKey(event, here, other, onUp) {
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const hit = event.target.closest(".hit");
  if (event.key in LETTERS) hit.querySelector(`[data-action="${LETTERS[event.key]}"]`).click();
  if (!(event.key in STEPS) || !event.target.matches(".open")) return;
  event.preventDefault();
  const next = across(event.key, hit, other) ?? STEPS[event.key](shown(here), hit);
  if (next) focusHit(next);
  else if (event.key === "ArrowUp") onUp();
}

/** From the end of a row of pictures to the captions beside it, and back from any caption. */
function across(key, hit, other) {
  const target = other.querySelector(".hit.current");
  if (!target?.checkVisibility()) return null;
  const edge = hit.getBoundingClientRect();
  if (hit.matches(".caption")) return key === "ArrowLeft" ? target : null;
  const beside = target.getBoundingClientRect().left > edge.right;
  const lastOfRow = !(hit.nextElementSibling?.getBoundingClientRect().left > edge.left);
  return key === "ArrowRight" && beside && lastOfRow ? target : null;
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
