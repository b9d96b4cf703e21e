// The overview: how much there is, what the space is, what waits, what failed and why, and what came last.

import { listItems, retryItem, stats } from "../lib/api.js";
import { isGoing } from "../lib/deleting.js";
import { h, icon } from "../lib/dom.js";
import { tried } from "../lib/forms.js";
import { number, percent, t, time } from "../lib/i18n.js";
import { know, showPicture } from "../lib/items.js";
import { problemBox } from "../lib/notices.js";
import { itemAddress } from "../lib/router.js";

const BUSY_MS = 1500;
const CALM_MS = 5000;
const FAILED = 50;
const RECENT = 18;

export function overviewView() {
  const trouble = h("div", {});
  const counts = h("dl", { class: "counts" });
  const work = h("div", { class: "work", role: "status" });
  const failed = h("section", {});
  const recent = h("section", {});
  const space = h("section", {});
  const element = h("div", { class: "overview" }, h("h1", {}, t("nav.overview")), trouble, counts, work, failed, recent, space);
  let timer = 0;
  let closed = false;

  async function draw() {
    clearTimeout(timer);
    let pending = 0;
    try {
      const [now, bad, last] = await Promise.all([
        stats(),
        listItems({ status: "failed", limit: FAILED }),
        listItems({ kind: "image", limit: RECENT }),
      ]);
      if (closed) return;
      pending = now.pending;
      trouble.replaceChildren();
      know(last.items);
      drawCounts(now);
      drawWork(now);
      drawFailed(bad.items, now.failed);
      drawRecent(last.items);
      drawSpace(now);
    } catch (problem) {
      if (closed) return;
      trouble.replaceChildren(problemBox(problem, draw));
    }
    timer = setTimeout(draw, pending ? BUSY_MS : CALM_MS);
  }

  function drawCounts(now) {
    const shown = ["images", "captions", "pending", "failed"];
    counts.replaceChildren(...shown.map((name) => h("div", { class: name }, h("dt", {}, t(name)), h("dd", {}, number(now[name])))));
  }

  function drawWork({ indexing }) {
    const share = indexing && indexing.total ? indexing.indexed / indexing.total : 1;
    const said = indexing ? t("status.indexing", indexing) : t("overview.idle");
    const drawn = `${share} ${said}`;
    if (work.dataset.drawn === drawn) return; // Said again to nobody who has heard it.
    work.dataset.drawn = drawn;
    const bar = indexing && h("progress", { max: 1, value: share, "aria-label": t("overview.progress") }, percent(share));
    work.replaceChildren(...[h("p", { class: "quiet" }, said), bar].filter(Boolean));
  }

  function drawFailed(items, all) {
    const ids = items.map(({ id }) => id).join();
    if (failed.dataset.drawn === ids) return;
    failed.dataset.drawn = ids;
    failed.hidden = !items.length;
    const retryAll = h("button", { onclick: () => retry(items) }, icon("retry"), t("upload.retry"));
    failed.replaceChildren(
      h("div", { class: "row spread" }, h("h2", {}, t("overview.failed.title", { n: all })), retryAll),
      h(
        "ul",
        { class: "failures" },
        items.map((item) =>
          h(
            "li",
            { data: { id: item.id } },
            h("a", { href: itemAddress(item.id) }, item.filename ?? item.text),
            h("span", {}, item.error?.detail ?? ""),
            h("code", { class: "quiet" }, item.error?.code ?? ""),
            h("button", { onclick: () => retry([item]) }, icon("retry"), t("retry")),
          ),
        ),
      ),
    );
  }

  async function retry(items) {
    await tried(() => Promise.all(items.map(({ id }) => retryItem(id))));
    draw();
  }

  function drawRecent(items) {
    const look = items.map(({ id, status }) => id + status).join();
    if (recent.dataset.drawn === look) return;
    recent.dataset.drawn = look;
    recent.replaceChildren(
      h("h2", {}, t("overview.recent")),
      items.length
        ? h("ul", { class: "recent" }, items.map(recentItem))
        : h("p", { class: "notice" }, t("overview.empty"), " ", h("a", { href: "?view=upload" }, t("overview.start"))),
    );
  }

  function drawSpace({ space: now, version }) {
    if (space.childElementCount) return;
    const rows = [
      ["overview.space", now.name],
      ["overview.dim", number(now.dim)],
      ["overview.languages", now.languages.join(", ")],
      ["overview.licence", now.licence],
      ["overview.fingerprint", now.fingerprint],
      ["overview.version", version],
    ];
    space.append(
      h("h2", {}, t("overview.encoder")),
      h("dl", { class: "facts" }, rows.map(([key, value]) => [h("dt", {}, t(key)), h("dd", {}, value || "–")])),
      h("p", { class: "row" }, h("a", { class: "button", href: "docs", target: "_blank", rel: "noopener" }, t("overview.docs"))),
    );
  }

  return {
    element,
    update: draw,
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}

function recentItem(item) {
  const image = h("img", { alt: "", width: 120, height: 120, loading: "lazy", decoding: "async" });
  const picture = item.status === "indexed" ? image : h("span", { class: "no-picture" }, icon("picture", 24));
  if (item.status === "indexed") showPicture(image, item, "thumbnail", () => image.remove());
  return h(
    "li",
    { data: { id: item.id }, hidden: isGoing(item) },
    h(
      "a",
      { href: itemAddress(item.id) },
      picture,
      h("span", { class: "file" }, item.filename),
      item.status === "indexed" ? h("span", { class: "quiet" }, time(item.created_at)) : h("span", { class: `pill ${item.status}` }, t(`upload.state.${item.status}`)),
    ),
  );
}
