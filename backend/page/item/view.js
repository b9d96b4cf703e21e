// One item: the picture or the words in full, all that is known of it, and what lies near it in the space.

import { getItem, isAbort, retryItem, search } from "../lib/api.js";
import { deleteSoon } from "../lib/deleting.js";
import { h, icon, redraw } from "../lib/dom.js";
import { tried } from "../lib/forms.js";
import { brief, t, time } from "../lib/i18n.js";
import { know, showPicture } from "../lib/items.js";
import { announce, problemBox } from "../lib/notices.js";
import { poll } from "../lib/polling.js";
import { goBack, itemAddress, navigate } from "../lib/router.js";
import { captionHit, pictureHit } from "../search/hit.js";
import { ensureCurrent, moveWithArrows } from "../search/moving.js";
import { queryFor, withAction, writeQuery } from "../search/query.js";
import { captionEditor, captionsOf } from "./captions.js";
import { labelForm } from "./labels.js";
import { metadataForm } from "./metadata.js";
import { tagEditor } from "./tags.js";

const NEIGHBOURS = 12;
const PENDING_MS = 1500;

export function itemView() {
  const element = h("div", { class: "item" });
  let asked = new AbortController();
  let waiting = null;

  async function update(params) {
    close();
    asked = new AbortController();
    const { signal } = asked;
    element.setAttribute("aria-busy", "true");
    try {
      const id = params.get("id") ?? "";
      const [item, captions] = await Promise.all([getItem(id, { signal }), captionsOf(id, { signal })]);
      know([item]);
      await draw(item, captions.items, signal);
    } catch (error) {
      if (isAbort(error)) return;
      element.replaceChildren(h("h1", {}, t("nav.item")), problemBox(error, () => update(params)));
    } finally {
      if (!signal.aborted) element.setAttribute("aria-busy", "false");
    }
  }

  function draw(item, captions, signal) {
    const name = item.text ?? item.filename;
    const image = item.kind === "image";
    document.title = `${name} · Twinspace`;
    announce(brief(name));
    const lead = image ? fullPicture(item) : wholeCaption(item);
    const [top, labels, facts, neighbours] = ["item-head", "", "", "neighbours"].map((name) => h("div", { class: name }));

    /** What depends on how far it is. The rest stays, for there may be somebody typing in it. */
    function settle({ status, ...now }) {
      Object.assign(item, { status, error: now.error, indexed_at: now.indexed_at });
      if (lead.querySelector(".notice")) lead.replaceWith(fullPicture(item));
      redraw(top, status, () => head(item, name, () => waiting.now()));
      redraw(labels, status, () => image && status === "indexed" && section("item.labels", labelForm(item)));
      redraw(facts, status, () => section("item.facts", factList(item)));
      return status === "indexed" ? near(item, neighbours, signal) : undefined;
    }

    waiting = poll(async (quiet) => {
      const now = await getItem(item.id, { signal, quiet });
      if (now.status !== item.status) settle(now);
      return now.status === "pending" ? PENDING_MS : 0;
    });
    const editors = [image && section("captions", captionEditor(item, captions)), section("tags", tagEditor(item)), labels, section("item.metadata", metadataForm(item)), facts];
    element.replaceChildren(h("div", { class: "item-columns" }, lead, h("div", { class: "known" }, top, editors)), neighbours);
    if (item.status === "pending") waiting.now(true);
    return settle(item);
  }

  function close() {
    asked.abort();
    waiting?.stop();
  }

  return { element, update, close };
}

function head(item, name, again) {
  const retry = () => tried(() => retryItem(item.id).then(again));
  const remove = () => {
    deleteSoon(item, name);
    goBack();
  };
  return [
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
  ];
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
    const from = queryFor({ kind: "item", value: item.id });
    navigate(writeQuery(withAction(from, action, hit.id)));
  };
  try {
    const { images, captions } = await search({ query: [{ item: item.id }], limit: NEIGHBOURS }, [], { signal });
    know([...images, ...captions]);
    const grid = h("ul", { class: "grid" }, images.map((hit, i) => pictureHit(hit, i + 1, act)));
    const list = h("ul", { class: "list" }, captions.map((hit, i) => captionHit(hit, i + 1, act)));
    moveWithArrows(grid, list);
    [grid, list].forEach(ensureCurrent);
    place.replaceChildren(
      h("section", { class: "pictures" }, h("h2", {}, t("item.near.pictures")), images.length ? grid : h("p", { class: "quiet" }, t("results.none"))),
      h("section", { class: "captions" }, h("h2", {}, t("item.near.captions")), captions.length ? list : h("p", { class: "quiet" }, t("results.none"))),
    );
  } catch (error) {
    if (!isAbort(error)) place.replaceChildren(problemBox(error, () => near(item, place, signal)));
  }
}
