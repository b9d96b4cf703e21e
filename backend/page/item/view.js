// One item: the picture or the words in full, all that is known of it, and what lies near it in the space.

import { getItem, isAbort, retryItem, search } from "../lib/api.js";
import { deleteSoon } from "../lib/deleting.js";
import { h, icon } from "../lib/dom.js";
import { tried } from "../lib/forms.js";
import { t, time } from "../lib/i18n.js";
import { know, showPicture } from "../lib/items.js";
import { problemBox } from "../lib/notices.js";
import { goBack, itemAddress, navigate } from "../lib/router.js";
import { captionHit, pictureHit } from "../search/hit.js";
import { ensureCurrent, moveWithArrows } from "../search/moving.js";
import { queryFor, writeQuery } from "../search/query.js";
import { captionEditor, captionsOf } from "./captions.js";
import { labelForm } from "./labels.js";
import { metadataForm } from "./metadata.js";
import { tagEditor } from "./tags.js";

const NEIGHBOURS = 12;
const PENDING_MS = 1500;

export function itemView() {
  const element = h("div", { class: "item" });
  let asked = new AbortController();
  let timer = 0;

  async function update(params, restored) {
    asked.abort();
    clearTimeout(timer);
    asked = new AbortController();
    const { signal } = asked;
    element.setAttribute("aria-busy", "true");
    try {
      const id = params.get("id") ?? "";
      const [item, captions] = await Promise.all([getItem(id, { signal }), captionsOf(id, { signal })]);
      know([item]);
      draw(item, captions.items, signal);
      if (!restored) scrollTo(0, 0);
      if (item.status === "pending") timer = setTimeout(() => update(params, true), PENDING_MS);
    } catch (error) {
      if (isAbort(error)) return;
      element.replaceChildren(h("h1", {}, t("nav.item")), problemBox(error, () => update(params, restored)));
    } finally {
      if (!signal.aborted) element.setAttribute("aria-busy", "false");
    }
  }

  function draw(item, captions, signal) {
    const name = item.text ?? item.filename;
    document.title = `${name} · Twinspace`;
    const neighbours = h("div", { class: "neighbours" });
    const lead = item.kind === "image" ? fullPicture(item) : wholeCaption(item);
    element.replaceChildren(
      h("div", { class: "item-columns" }, lead, h("div", { class: "known" }, head(item, name, () => update(new URLSearchParams(location.search), true)), facts(item, captions))),
      neighbours,
    );
    if (item.status === "indexed") near(item, neighbours, signal);
  }

  return {
    element,
    update,
    escape: goBack,
    close() {
      clearTimeout(timer);
      asked.abort();
    },
  };
}

function head(item, name, again) {
  const retry = () => tried(() => retryItem(item.id).then(again));
  const remove = () => {
    deleteSoon(item, name);
    goBack();
  };
  return h(
    "div",
    { class: "item-head" },
    h("h1", { class: item.kind === "caption" ? "unseen" : "" }, name),
    item.error && h("div", { class: "problem", role: "alert" }, h("p", {}, item.error.detail), h("p", { class: "row" }, h("button", { onclick: retry }, icon("retry"), t("retry")), h("span", { class: "quiet" }, item.error.code))),
    item.status === "pending" && h("p", { class: "notice", role: "status" }, t("item.pending")),
    h(
      "p",
      { class: "row" },
      h("a", { class: "button primary", href: writeQuery(queryFor({ kind: "item", value: item.id })) }, icon("search"), t("hit.more")),
      item.kind === "image" && h("a", { class: "button", href: item.links.content, download: item.filename }, icon("download"), t("item.download")),
      h("button", { class: "danger", onclick: remove }, icon("delete"), t("item.delete")),
    ),
  );
}

function facts(item, captions) {
  const image = item.kind === "image";
  return [
    image && section("captions", captionEditor(item, captions)),
    section("tags", tagEditor(item)),
    image && item.status === "indexed" && section("item.labels", labelForm(item)),
    section("item.metadata", metadataForm(item)),
    section("item.facts", factList(item)),
  ].filter(Boolean);
}

function section(title, ...content) {
  return h("section", {}, h("h2", {}, t(title)), ...content);
}

function factList(item) {
  const known = [
    ["item.size", item.width && `${item.width} × ${item.height}`],
    ["item.type", item.content_type],
    ["added", time(item.created_at)],
    ["item.indexed", item.indexed_at && time(item.indexed_at)],
    ["item.id", item.id],
  ];
  return h("dl", { class: "facts" }, known.filter(([, value]) => value).map(([key, value]) => [h("dt", {}, t(key)), h("dd", {}, value)]));
}

/** Its size is known beforehand, and the thumbnail stands in until (or in case) the whole cannot be shown. */
function fullPicture(item) {
  const image = h("img", { class: "full", alt: item.filename, width: item.width, height: item.height, decoding: "async" });
  const frame = h("figure", { class: "frame", style: { "--ratio": item.width / item.height, "--width": `${item.width}px` } }, image);
  showPicture(image, item, "content", () => {
    if (item.status !== "indexed") return image.replaceWith(h("p", { class: "notice" }, t("item.unshown")));
    showPicture(image, item, "thumbnail", () => image.remove());
    return frame.append(h("figcaption", { class: "quiet" }, t("item.thumbnail")));
  });
  return frame;
}

function wholeCaption(item) {
  const words = h("blockquote", { class: "whole" }, item.text);
  if (!item.image_id) return h("figure", {}, words);
  const image = h("img", { alt: "", width: 200, height: 200, loading: "lazy" });
  showPicture(image, item, "thumbnail", () => image.remove());
  return h("figure", {}, words, h("a", { class: "own large", href: itemAddress(item.image_id), "aria-label": t("hit.own") }, image));
}

async function near(item, place, signal) {
  const act = (action, hit) => {
    const part = { kind: "item", value: hit.id, weight: action === "less" ? -1 : 1 };
    const only = { captions: "captions", pictures: "images" }[action] ?? "";
    navigate(writeQuery({ ...queryFor(part, only), parts: action === "less" ? [{ kind: "item", value: item.id, weight: 1 }, part] : [part] }));
  };
  try {
    const { images, captions } = await search({ query: [{ item: item.id }], limit: NEIGHBOURS }, [], { signal });
    know([...images, ...captions]);
    const grid = h("ul", { class: "grid" }, images.map((hit, i) => pictureHit(hit, i + 1, act)));
    const list = h("ul", { class: "list" }, captions.map((hit, i) => captionHit(hit, i + 1, act)));
    for (const one of [grid, list]) {
      moveWithArrows(one);
      ensureCurrent(one);
    }
    place.replaceChildren(
      h("section", { class: "pictures" }, h("h2", {}, t("item.near.pictures")), images.length ? grid : h("p", { class: "quiet" }, t("results.none"))),
      h("section", { class: "captions" }, h("h2", {}, t("item.near.captions")), captions.length ? list : h("p", { class: "quiet" }, t("results.none"))),
    );
  } catch (error) {
    if (!isAbort(error)) place.replaceChildren(problemBox(error, () => near(item, place, signal)));
  }
}
