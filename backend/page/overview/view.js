// The overview: how much there is, what the space is, what waits, what failed and why, and what came last.

import { Problem, listItems, retryItem, stats } from "../lib/api.js";
import { isGoing } from "../lib/deleting.js";
import { h, icon, redraw } from "../lib/dom.js";
import { tried } from "../lib/forms.js";
import { number, percent, t, time } from "../lib/i18n.js";
import { know, showPicture } from "../lib/items.js";
import { forgetKey, key } from "../lib/key.js";
import { problemBox, uploadLink } from "../lib/notices.js";
import { poll } from "../lib/polling.js";
import { itemAddress } from "../lib/router.js";

const BUSY_MS = 1500;
const CALM_MS = 5000;
const FAILED = 50;
const RECENT = 18;

export function overviewView() {
  const trouble = h("div");
  const counts = h("dl", { class: "counts" });
  const work = h("div", { class: "work", role: "status" });
  const failed = h("section");
  const recent = h("section");
  const space = h("section");
  const element = h("div", { class: "overview" }, h("h1", {}, t("nav.overview")), trouble, counts, work, failed, recent, space);
  const poller = poll(async (quiet) => {
    try {
      const [now, bad, last] = await Promise.all([
        stats({ quiet }),
        listItems({ status: "failed", limit: FAILED }, { quiet }),
        listItems({ kind: "image", limit: RECENT }, { quiet }),
      ]);
      if (!element.isConnected) return 0;
      know(last.items);
      redraw(trouble, null, () => []);
      drawCounts(now);
      drawWork(now);
      drawFailed(bad.items, now.failed);
      drawRecent(last.items);
      drawSpace(now);
      return now.pending ? BUSY_MS : CALM_MS;
    } catch (problem) {
      if (problem instanceof Problem) redraw(trouble, problem, () => problemBox(problem, () => poller.now()));
      throw problem;
    }
  });

  function drawCounts(now) {
    const shown = ["images", "captions", "pending", "failed"];
    counts.replaceChildren(...shown.map((name) => h("div", { class: name }, h("dt", {}, t(name)), h("dd", {}, number(now[name])))));
  }

  function drawWork({ indexing }) {
    const share = indexing && indexing.total ? indexing.indexed / indexing.total : 1;
    const said = indexing ? t("status.indexing", indexing) : t("overview.idle");
    // Not said again to those who have heard it.
    redraw(work, [share, said], () => [
      h("p", { class: "quiet" }, said),
      indexing && h("progress", { max: 1, value: share, "aria-label": t("overview.progress") }, percent(share)),
    ]);
  }

  function drawFailed(items, all) {
    failed.hidden = !items.length;
    redraw(failed, [items.map(({ id }) => id), all], () => [
      h(
        "div",
        { class: "row spread" },
        h("h2", {}, t("upload.summary", { n: all, state: t("upload.state.failed") })),
        h("button", { onclick: () => tried(retryAll).then(() => poller.now()) }, icon("retry"), t("upload.retry")),
      ),
      h("ul", { class: "failures" }, items.map(failure)),
    ]);
  }

  function failure(item) {
    const retry = () => tried(() => retryItem(item.id)).then(() => poller.now());
    return h(
      "li",
      { data: { id: item.id } },
      h("a", { href: itemAddress(item.id) }, item.filename ?? item.text),
      h("span", {}, item.error?.detail ?? ""),
      h("code", { class: "quiet" }, item.error?.code ?? ""),
      h("button", { onclick: retry }, icon("retry"), t("retry")),
    );
  }

  function drawRecent(items) {
    redraw(recent, items.map(({ id, status }) => id + status), () => [
      h("h2", {}, t("overview.recent")),
      items.length ? h("ul", { class: "recent" }, items.map(recentItem)) : h("p", { class: "notice" }, t("empty"), " ", uploadLink()),
    ]);
  }

  function drawSpace({ space: now, version }) {
    if (space.childElementCount) return;
    const rows = [
      [t("overview.space"), now.name],
      [t("overview.dim"), number(now.dim)],
      [t("overview.languages"), now.languages.join(", ")],
      [t("overview.licence"), now.licence],
      [t("overview.fingerprint"), now.fingerprint],
      ["Twinspace", version],
    ];
    space.append(
      h("h2", {}, t("overview.encoder")),
      h("dl", { class: "facts" }, rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value || "–")])),
      h(
        "p",
        { class: "row" },
        h("a", { class: "button", href: "docs", target: "_blank", rel: "noopener" }, t("overview.docs")),
        key() !== null && h("button", { onclick: (event) => (forgetKey(), event.target.remove()) }, t("key.forget")),
      ),
    );
  }

  return {
    element,
    update: () => poller.now(),
    close: poller.stop,
  };
}

/** All that have failed, not only those that are shown. */
async function retryAll() {
  let cursor = null;
  do {
    const page = await listItems({ status: "failed", limit: 1000, cursor });
    for (const { id } of page.items) await retryItem(id);
    cursor = page.next_cursor;
  } while (cursor);
}

function recentItem(item) {
  const image = h("img", { alt: "", width: 120, height: 120, loading: "lazy", decoding: "async" });
  const indexed = item.status === "indexed";
  const picture = indexed ? image : h("span", { class: "no-picture" }, icon("picture", 24));
  if (indexed) showPicture(image, item, "thumbnail", () => image.remove());
  return h(
    "li",
    { data: { id: item.id }, hidden: isGoing(item) },
    h(
      "a",
      { href: itemAddress(item.id) },
      picture,
      h("span", { class: "file" }, item.filename),
      indexed ? h("span", { class: "quiet" }, time(item.created_at)) : h("span", { class: `pill ${item.status}` }, t(`upload.state.${item.status}`)),
    ),
  );
}
