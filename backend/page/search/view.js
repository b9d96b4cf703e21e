// The search view: reads the address, asks the API, draws the answer, and goes on by cursor.

import { isAbort, stats, uploadPicture } from "../lib/api.js";
import { bringBack } from "../lib/deleting.js";
import { h } from "../lib/dom.js";
import { tried } from "../lib/forms.js";
import { number, t } from "../lib/i18n.js";
import { know } from "../lib/items.js";
import { announce, toast, uploadLink } from "../lib/notices.js";
import { keepPicture, recallPicture } from "../lib/pictures.js";
import { poll } from "../lib/polling.js";
import { navigate } from "../lib/router.js";
import { searchBox, takePictures } from "./box.js";
import { chipRow } from "./chips.js";
import { filterBar } from "./filters.js";
import { browse, find } from "./finding.js";
import { changed, readQuery, withAction, writeQuery } from "./query.js";
import { resultLists } from "./results.js";

const PAGE = 40;
const MOST = 1000; // what the API answers at once
const REMEMBERED = 12;
const SLOW_MS = 4000;
const FILLING_MS = 2000;

// Answers by address, so that going back shows at once what was there, as far as it was scrolled.
const answers = new Map();

export function searchView() {
  const box = searchBox({ onWords, onPicture, onDown: () => results.enter() });
  const chips = chipRow({ onChange, onAnother, onUpload: () => tried(onUpload) });
  const filters = filterBar({ onChange, onGrey: (least) => results.grey(least) });
  const results = resultLists({ onAction, onMore, onUp: box.focus });
  const status = h("p", { class: "status quiet" });
  const head = h("div", { class: "head" }, h("h1", {}, t("search.title")), h("p", { class: "lead" }, t("search.lead")));
  const element = h("div", { class: "search" }, head, box.element, chips.element, filters.element, status, results.element);
  const stopTaking = takePictures(onPicture);
  let query = readQuery(new URLSearchParams());
  let shown = null; // {key, images, captions, cursor, took, indexing}
  let asked = null; // the AbortController of the request under way, and the `key` of its answer
  let another = false; // words that are entered now are one more part

  function onChange(next, options) {
    navigate(next ? writeQuery(next) : "?", options);
  }

  /** The words in the box are the query's last text; new ones take its place unless one more was wanted. */
  function onWords(words) {
    const parts = [...query.parts];
    const last = another ? -1 : parts.findLastIndex((part) => part.kind === "text");
    if (last >= 0) parts.splice(last, 1);
    if (words) parts.splice(last >= 0 ? last : parts.length, 0, { kind: "text", value: words, weight: query.parts[last]?.weight ?? 1 });
    const next = changed(query, { parts });
    if (keyOf(next) === keyOf(query)) shown = null; // Who asks for the same again wants a new answer.
    onChange(next);
  }

  async function onPicture(file) {
    const part = { kind: "picture", value: await keepPicture(file), weight: 1 };
    onChange(changed(query, { parts: [...query.parts, part] }));
  }

  function onAnother() {
    another = true;
    box.show("", true);
    box.focus();
  }

  function onAction(action, hit) {
    know([hit]);
    onChange(withAction(query, action, hit.id));
  }

  async function onUpload() {
    const parts = await Promise.all(query.parts.map(stored));
    toast(t("chips.stored"));
    onChange(changed(query, { parts }));
  }

  async function update(params, restored) {
    filling.stop();
    query = readQuery(params);
    another = false;
    const browsing = !query.parts.length;
    element.classList.toggle("browsing", browsing && !query.tags.length);
    filters.element.classList.toggle("bare", browsing);
    box.show(query.parts.findLast((part) => part.kind === "text")?.value ?? "", false);
    chips.show(query);
    filters.show(query);
    results.grey(query.min);
    document.title = browsing ? "Twinspace" : `${query.parts.map((part) => (part.kind === "text" ? part.value : "▣")).join(" + ")} · Twinspace`;
    await run(restored);
    if (restored?.focus) results.focus(restored.focus);
  }

  async function run(restored) {
    const key = keyOf(query);
    const showing = shown?.key === key;
    if (!showing || asked?.key !== key) asked?.abort();
    if (showing) return;
    if (answers.has(key) && restored) return draw(answers.get(key));
    const limit = Math.min(MOST, Math.max(PAGE, restored?.loaded ?? 0));
    const answer = await ask(limit, null, () => run(restored));
    if (answer) {
      remember(key, answer);
      draw(answer);
      if (!restored) scrollTo(0, 0);
      results.tell({ took: answer.took, more: answer.cursor !== null });
    }
  }

  /** The next answer, or null when a newer question took its place or it failed (then that is shown). */
  async function ask(limit, cursor, again) {
    const mine = (asked = Object.assign(new AbortController(), { key: keyOf(query) }));
    const slow = setTimeout(() => announce((status.textContent = t("status.slow"))), SLOW_MS);
    results.busy(true);
    try {
      const answer = await (query.parts.length ? find(query, limit, cursor, mine.signal) : browse(query, limit, cursor, mine.signal));
      return mine.signal.aborted ? null : { ...answer, key: mine.key };
    } catch (error) {
      if (isAbort(error)) return null;
      shown = cursor ? shown : null;
      results.problem(error, again, cursor !== null);
      return null;
    } finally {
      clearTimeout(slow);
      if (asked === mine) {
        results.busy(false);
        status.textContent = cursor ? told(shown) : "";
        asked = null;
      }
    }
  }

  function draw(answer) {
    shown = Object.assign(answer, { empty: "" });
    const browsing = !query.parts.length;
    if (answer.unknown) return void results.message(t("search.unknown"));
    if (!results.show(answer, { only: query.only, browsing })) box.focus();
    results.finish(answer);
    const hits = [...answer.images, ...answer.captions];
    if (!browsing && hits.length) filters.calibrated(hits.some(({ relevance }) => relevance !== null));
    if (!hits.length) filling.now(true);
    status.textContent = told(answer);
  }

  /** Nothing was found: perhaps there is nothing yet. Then that is said, and what comes is shown. */
  const filling = poll(async (quiet) => {
    const mine = shown;
    const { images, captions, pending } = await stats({ quiet });
    if (shown !== mine) return 0;
    if (images + captions > 0) {
      if (mine.empty) run(null, (shown = null));
      return 0;
    }
    const now = pending ? "filling" : "empty";
    if (mine.empty !== now) results.message(t(now), " ", pending ? "" : uploadLink());
    mine.empty = now;
    return FILLING_MS;
  });

  async function onMore() {
    if (asked || !shown?.cursor) return;
    const before = shown;
    const answer = await ask(PAGE, before.cursor, onMore);
    if (!answer || shown !== before) return;
    before.images.push(...answer.images);
    before.captions.push(...answer.captions);
    before.cursor = answer.cursor;
    results.append(answer);
    results.finish(answer);
    announce(t("results.more", { n: answer.images.length + answer.captions.length }));
  }

  return {
    element,
    update,
    focusBox: box.focus,
    snapshot: () => ({ loaded: Math.max(shown?.images.length ?? 0, shown?.captions.length ?? 0), focus: results.focused() }),
    close() {
      asked?.abort();
      filling.stop();
      stopTaking();
      filters.close();
      results.close();
    },
  };
}

/** The part by the stored picture, should it be by a dropped one: that address works everywhere. */
async function stored(part) {
  const dropped = part.kind === "picture" && (await recallPicture(part.value));
  if (!dropped) return part;
  const { items } = await uploadPicture(new File([dropped.blob], dropped.name || "picture", { type: dropped.blob.type }), []);
  items.forEach(bringBack);
  know(items);
  return { ...part, kind: "item", value: items[0].id };
}

/** What the answer depends on: the threshold does not, while it only greys out. */
function keyOf(query) {
  return writeQuery(query.cut ? query : { ...query, min: 0 });
}

function remember(key, answer) {
  answers.delete(key);
  answers.set(key, answer);
  if (answers.size > REMEMBERED) answers.delete(answers.keys().next().value);
}

function told({ took, indexing }) {
  if (!took) return ""; // That was a listing.
  const time = t("status.took", { took: number(took, 0) });
  return indexing ? `${time} · ${t("status.indexing", indexing)}` : time;
}
