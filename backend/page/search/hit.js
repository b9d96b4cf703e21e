// One hit, picture or caption: a link to its page, how well it fits, and what to do with it.

import { h, icon, iconButton } from "../lib/dom.js";
import { brief, cosine, percent, t } from "../lib/i18n.js";
import { isGoing } from "../lib/deleting.js";
import { showPicture } from "../lib/items.js";
import { itemAddress } from "../lib/router.js";

const WIDEST = 3;
const TALLEST = 0.55;

/** Width by height, within what a row of the grid can bear; what is beyond is cropped. */
function ratio({ width, height }) {
  return width && height ? Math.min(WIDEST, Math.max(TALLEST, width / height)) : 1;
}

const ACTIONS = { more: "more", less: "less", captions: "words", pictures: "picture" }; // and their icons

/** `onAction(name, hit)` hears which of `ACTIONS` was chosen. */
export function pictureHit(hit, place, onAction) {
  const name = hit.filename ?? t("hit.picture", { place });
  const shape = ratio(hit);
  const image = h("img", { alt: "", loading: "lazy", decoding: "async", width: Math.round(240 * shape), height: 240 });
  const link = h("a", { class: "open", href: itemAddress(hit.id), "aria-label": described(name, hit), tabindex: "-1" }, image);
  showPicture(image, hit, "thumbnail", () => image.replaceWith(h("span", { class: "no-picture" }, icon("picture", 28), name)));
  return h(
    "li",
    { class: "hit picture", data: { id: hit.id }, style: { "--ratio": shape }, hidden: isGoing(hit) },
    link,
    h("div", { class: "under" }, measure(hit), h("span", { class: "file", title: name }, name)),
    actions(hit, name, onAction),
  );
}

export function captionHit(hit, place, onAction) {
  const link = h(
    "a",
    { class: "open", href: itemAddress(hit.id), "aria-label": described(hit.text, hit), tabindex: "-1" },
    h("span", { class: "words" }, hit.text),
  );
  return h(
    "li",
    { class: "hit caption", data: { id: hit.id, image: hit.image_id ?? "" }, hidden: isGoing(hit) },
    link,
    hit.image_id && ownPicture(hit),
    h("div", { class: "under" }, measure(hit)),
    actions(hit, hit.text, onAction),
  );
}

function ownPicture(hit) {
  const image = h("img", { alt: "", loading: "lazy", decoding: "async", width: 64, height: 64 });
  showPicture(image, hit, "thumbnail", () => image.remove());
  return h("a", { class: "own", href: itemAddress(hit.image_id), tabindex: "-1", "aria-label": t("hit.own") }, image);
}

function described(name, { relevance, score }) {
  if (score === undefined) return name;
  if (relevance === null || relevance === undefined) return t("hit.described.score", { name, score: cosine(score) });
  return t("hit.described", { name, relevance: percent(relevance), score: cosine(score) });
}

/** Nothing for items that were not searched for. */
function measure({ relevance, score }) {
  if (score === undefined) return null;
  const fits = typeof relevance === "number";
  return h(
    "span",
    { class: "measure", "aria-hidden": "true", title: t("hit.measure") },
    fits && h("span", { class: "bar" }, h("span", { style: { width: `${100 * relevance}%` } })),
    fits && h("span", {}, percent(relevance)),
    h("span", { class: "score" }, `cos ${cosine(score)}`),
  );
}

function actions(hit, name, onAction) {
  return h(
    "div",
    { class: "actions", role: "group", "aria-label": t("hit.actions", { name: brief(name) }) },
    Object.entries(ACTIONS).map(([action, image]) => iconButton(image, t(`hit.${action}`), () => onAction(action, hit), { data: { action }, tabindex: "-1" })),
  );
}
