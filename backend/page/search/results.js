// Pictures as a justified grid, captions as a list beside it, and more of both as the reader goes on.

import { h } from "../lib/dom.js";
import { number, t } from "../lib/i18n.js";
import { announce, problemBox } from "../lib/notices.js";
import { captionHit, pictureHit } from "./hit.js";
import { ensureCurrent, focusHit, moveWithArrows } from "./moving.js";

/** `onAction(name, hit)`, `onMore()` when the end comes near, `onUp()` when an arrow leaves at the top. */
export function resultLists({ onAction, onMore, onUp }) {
  const grid = h("ul", { class: "grid" });
  const list = h("ul", { class: "list" });
  const pictureTitle = h("h2", { id: "pictures-title" });
  const captionTitle = h("h2", { id: "captions-title" });
  const end = h("p", { class: "end", role: "status" });
  const edge = h("div", { class: "edge" });
  const listEdge = h("div", { class: "edge" });
  const captions = h("section", { class: "captions", "aria-labelledby": "captions-title" }, captionTitle, h("div", { class: "scroller" }, list, listEdge));
  const pictures = h("section", { class: "pictures", "aria-labelledby": "pictures-title" }, pictureTitle, grid, edge);
  const columns = h("div", { class: "columns" }, pictures, captions);
  const trouble = h("div");
  const element = h("div", { class: "results" }, trouble, columns, end);
  let drawn = { images: 0, captions: 0 };
  let threshold = 0;

  const observer = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && onMore(), { rootMargin: "900px" });
  moveWithArrows(grid, list, onUp);

  /** The last row is not full while there is more: shown too early it would move when the rest comes. */
  function holdLastRow(more) {
    for (const hit of grid.querySelectorAll(".held")) hit.classList.remove("held");
    const hits = [...grid.children];
    const last = hits.at(-1)?.offsetTop;
    const hold = more && hits[0]?.offsetTop !== last;
    grid.classList.toggle("more", hold);
    if (!hold) return;
    for (let i = hits.length - 1; hits[i].offsetTop === last; i -= 1) hits[i].classList.add("held");
  }

  function append({ images = [], captions: texts = [] }) {
    grid.append(...images.map((hit, i) => greyed(pictureHit(hit, drawn.images + i + 1, onAction), hit)));
    list.append(...texts.map((hit, i) => greyed(captionHit(hit, drawn.captions + i + 1, onAction), hit)));
    drawn = { images: drawn.images + images.length, captions: drawn.captions + texts.length };
    ensureCurrent(grid);
    ensureCurrent(list);
  }

  function greyed(node, { relevance }) {
    if (typeof relevance === "number") node.dataset.relevance = relevance;
    return shade(node);
  }

  function shade(node) {
    const below = Number(node.dataset.relevance) < threshold; // never where there is none
    node.classList.toggle("below", below);
    return node;
  }

  return {
    element,
    append,
    /** `only` is "images", "captions" or "" for both; `browsing`: these were not searched for. The focus goes
     * from a hit that was there to one that is. Answers whether it could. */
    show(answer, { only, browsing }) {
      const held = element.contains(document.activeElement);
      columns.dataset.only = only || (browsing ? theOnly(answer) : "");
      pictureTitle.textContent = browsing ? t("browse.title") : t("images");
      captionTitle.textContent = t("captions");
      grid.replaceChildren();
      list.replaceChildren();
      drawn = { images: 0, captions: 0 };
      columns.hidden = false;
      append(answer);
      return !held || this.enter();
    },
    /** After an answer was drawn: says that it was the last, or waits for the end of a list that grows. */
    finish({ images, captions: texts, cursor }) {
      const more = cursor !== null;
      end.textContent = more ? "" : t(drawn.images + drawn.captions ? "results.end" : "results.none");
      holdLastRow(more);
      trouble.replaceChildren();
      for (const [one, grown] of [[edge, images], [listEdge, texts]]) {
        observer.unobserve(one); // An edge that stays in sight reports nothing new: looking again makes it.
        if (more && grown.length) observer.observe(one);
      }
    },
    /** In the place of all results, or `below` those that are there. */
    problem(problem, onRetry, below) {
      const held = element.contains(document.activeElement);
      columns.hidden = !below;
      end.textContent = "";
      trouble.replaceChildren(problemBox(problem, onRetry));
      if (below) end.after(trouble);
      else columns.before(trouble);
      if (held) trouble.querySelector("button").focus();
    },
    message(...said) {
      columns.hidden = true;
      trouble.replaceChildren();
      end.replaceChildren(...said);
    },
    busy(yes) {
      element.setAttribute("aria-busy", String(yes));
    },
    grey(least) {
      threshold = least;
      for (const node of element.querySelectorAll(".hit")) shade(node);
    },
    tell({ took, more }) {
      const some = more ? "+" : "";
      announce(t("results.told", { pictures: number(drawn.images) + some, captions: number(drawn.captions) + some, took: number(took, 0) }));
    },
    enter() {
      const first = [...element.querySelectorAll(".columns .hit.current .open")].find((link) => link.offsetParent);
      first?.focus();
      return Boolean(first);
    },
    focus(id) {
      const hit = element.querySelector(`.hit[data-id="${CSS.escape(id)}"]`);
      if (hit) focusHit(hit);
    },
    focused: () => document.activeElement.closest(".results .hit")?.dataset.id ?? null,
    close: () => observer.disconnect(),
  };
}

/** A listing has room for one kind alone when there is only one. */
function theOnly({ images, captions }) {
  if (!captions.length) return "images";
  return images.length ? "" : "captions";
}
