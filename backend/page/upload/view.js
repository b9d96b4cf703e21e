// The upload view: a place to drop pictures, and what becomes of each of them.

import { debounced, h, icon } from "../lib/dom.js";
import { namesIn, tried } from "../lib/forms.js";
import { t } from "../lib/i18n.js";
import { announce, problemBox, toast } from "../lib/notices.js";
import { droppedFiles, pick } from "./files.js";
import { add, counts, entries, paused, resume, retryAll, subscribe } from "./queue.js";
import { summary, uploadRow } from "./row.js";

const STEP = 60; // rows that are drawn at once; more when the end of the list comes near

export function uploadView() {
  const rows = new Map();
  const changedEntries = new Set();
  const tags = h("input", { type: "text", id: "upload-tags", placeholder: t("upload.tags"), autocomplete: "off" });
  const files = chooser({ multiple: true, accept: "image/*" });
  const folder = chooser({ webkitdirectory: true });
  const zone = h(
    "div",
    { class: "zone" },
    icon("upload", 36),
    h("p", { class: "lead" }, t("upload.drop")),
    h(
      "p",
      { class: "row center" },
      h("button", { class: "primary", onclick: () => files.click() }, icon("picture"), t("upload.files")),
      h("button", { onclick: () => folder.click() }, icon("folder"), t("upload.folder")),
    ),
    h("p", { class: "quiet" }, t("upload.formats")),
    files,
    folder,
  );
  const bar = h("progress", { max: 1, value: 0, "aria-label": t("upload.all") });
  const said = h("p", { class: "summary" });
  const again = h("button", { hidden: true, onclick: () => tried(retryAll) }, icon("retry"), t("upload.retry"));
  const trouble = h("div");
  const kinds = ["all", "failed"].map((kind) =>
    h("button", { "aria-pressed": String(kind === "all"), data: { kind }, onclick: () => choose(kind) }, t(kind)),
  );
  const list = h("ul", { class: "uploads" });
  const edge = h("div", { class: "edge" });
  const progress = h(
    "section",
    { class: "progress", "aria-label": t("upload.all"), hidden: true },
    trouble,
    bar,
    h("div", { class: "row spread" }, said, h("div", { class: "row" }, again, h("div", { class: "kinds", role: "group", "aria-label": t("show") }, kinds))),
    list,
    edge,
  );
  const element = h(
    "div",
    { class: "upload" },
    h("h1", {}, t("nav.upload")),
    zone,
    h("div", { class: "field" }, h("label", { for: "upload-tags" }, t("upload.tags.all")), tags),
    progress,
  );
  let kind = "all";
  let frame = 0;
  let drawn = 0; // how far into `entries` rows have been made

  function chooser(attributes) {
    const input = h("input", { type: "file", hidden: true, ...attributes, onchange: () => (take([...input.files]), (input.value = "")) });
    return input;
  }

  function take(chosen) {
    const { pictures, left } = pick(chosen);
    if (left) toast(t("upload.left", { n: left }));
    if (pictures.length) add(pictures, namesIn(tags.value));
  }

  async function onDrop(event) {
    zone.classList.remove("over");
    try {
      take(await droppedFiles(event.dataTransfer));
    } catch (error) {
      toast(t("upload.unreadable", { reason: error.message })); // A folder went away while it was read.
    }
  }

  function onDrag(event) {
    zone.classList.toggle("over", event.type === "dragover");
  }

  function choose(one) {
    kind = one;
    for (const button of kinds) button.setAttribute("aria-pressed", String(button.dataset.kind === kind));
    rows.clear();
    list.replaceChildren();
    drawn = 0;
    more();
  }

  function more() {
    const wanted = rows.size + STEP;
    while (drawn < entries.length && rows.size < wanted) {
      const entry = entries[drawn];
      drawn += 1;
      show(entry);
    }
    watchEdge();
  }

  function show(entry) {
    if (kind === "failed" && entry.state !== "failed") return;
    const row = uploadRow(entry);
    rows.set(entry, row);
    list.append(row.element);
  }

  /** An edge that stays in sight reports nothing new: looking again makes it. */
  function watchEdge() {
    observer.unobserve(edge);
    if (drawn < entries.length) observer.observe(edge);
  }

  /** However many changes come, the page is drawn once a frame. */
  function onQueue(entry) {
    if (entry) changedEntries.add(entry);
    frame ||= requestAnimationFrame(draw);
  }

  function draw() {
    frame = 0;
    for (const entry of changedEntries) {
      if (rows.has(entry)) rows.get(entry).draw();
      else if (entry.key < drawn) show(entry); // It was no failure when failures were drawn.
    }
    changedEntries.clear();
    progress.hidden = !entries.length;
    zone.classList.toggle("small", entries.length > 0);
    const now = counts();
    const { done, said: words } = summary(now);
    bar.value = done;
    said.textContent = words;
    again.hidden = now.failed === 0;
    if (paused() === null) trouble.replaceChildren();
    else if (!trouble.childElementCount) trouble.append(problemBox(paused(), resume));
    tellLater(words);
    if (rows.size < STEP) more();
    else watchEdge();
  }

  const tellLater = debounced(announce, 1500);
  const observer = new IntersectionObserver((seen) => seen.some(({ isIntersecting }) => isIntersecting) && more(), { rootMargin: "600px" });
  const unsubscribe = subscribe(onQueue);
  const onPaste = (event) => event.clipboardData?.files.length && take([...event.clipboardData.files]);
  const listeners = { drop: onDrop, dragover: onDrag, dragleave: onDrag, paste: onPaste };
  for (const [event, listener] of Object.entries(listeners)) document.addEventListener(event, listener);
  onQueue(null);

  return {
    element,
    update() {},
    close() {
      cancelAnimationFrame(frame);
      unsubscribe();
      observer.disconnect();
      for (const [event, listener] of Object.entries(listeners)) document.removeEventListener(event, listener);
    },
  };
}

const badge = document.getElementById("upload-badge");
subscribe(
  debounced(() => {
    const { waiting, sending } = counts();
    badge.hidden = waiting + sending === 0;
    badge.textContent = waiting + sending;
  }, 100),
);
