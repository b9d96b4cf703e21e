// One upload: how far it is, what became of it, and a place for its captions and tags.

import { addCaption } from "../lib/api.js";
import { bringBack } from "../lib/deleting.js";
import { h, icon } from "../lib/dom.js";
import { lineForm, namesIn, tried } from "../lib/forms.js";
import { bytes, number, t } from "../lib/i18n.js";
import { showPicture } from "../lib/items.js";
import { itemAddress } from "../lib/router.js";
import { retry, setTags } from "./queue.js";

/** Answers `{element, draw}`; `draw` shows what the entry has become. */
export function uploadRow(entry) {
  const thumb = h("div", { class: "thumb" }, icon("picture", 22));
  const name = h("span", { class: "file", title: entry.file.name }, entry.file.name);
  const state = h("span", { class: "state" });
  const bar = h("progress", { max: 1, value: 0, "aria-label": t("upload.progress", { name: entry.file.name }) });
  const reason = h("p", { class: "reason" });
  const about = h("div", { class: "about" });
  const element = h(
    "li",
    { class: "upload-row", data: { entry: entry.key } },
    thumb,
    h("div", { class: "what" }, h("p", { class: "name-line" }, name, h("span", { class: "quiet" }, bytes(entry.file.size)), state), bar, reason, about),
  );
  let drawn = "";
  let described = false;

  function draw() {
    bar.value = entry.progress;
    const look = `${entry.state} ${entry.duplicate} ${entry.item?.id}`;
    if (look === drawn) return;
    drawn = look;
    element.dataset.state = entry.state;
    bar.hidden = entry.state !== "sending";
    state.replaceChildren(...stateOf(entry));
    reason.replaceChildren(...(entry.state === "failed" ? whyFailed(entry) : []));
    if (entry.state === "indexed") picture();
    if (entry.item && entry.state !== "failed" && !described) {
      described = true;
      about.append(captionField(entry), tagField(entry));
    }
  }

  function picture() {
    const image = h("img", { alt: "", width: 64, height: 64, loading: "lazy", decoding: "async" });
    const link = h("a", { href: itemAddress(entry.item.id), "aria-label": t("upload.open", { name: entry.file.name }) }, image);
    showPicture(image, entry.item, "thumbnail");
    thumb.replaceChildren(link);
  }

  draw();
  return { element, draw };
}

function stateOf({ state, duplicate }) {
  const marks = { indexed: "check", failed: "close" };
  const said = h("span", { class: `pill ${state}` }, marks[state] && icon(marks[state], 14), t(`upload.state.${state}`));
  return duplicate ? [h("span", { class: "pill duplicate" }, t("upload.state.duplicate")), said] : [said];
}

function whyFailed(entry) {
  const { problem } = entry;
  const words = problem.code === "deleted" ? t("upload.deleted") : problem.detail || problem.title;
  const again = h("button", { onclick: () => tried(() => retry(entry)) }, icon("retry"), t("retry"));
  return [words, " ", h("span", { class: "quiet" }, problem.code), again];
}

function captionField(entry) {
  const line = (text) => h("li", {}, text);
  const said = h("ul", { class: "said" }, entry.captions.map(line));
  const add = async (text) => {
    const caption = await addCaption(entry.item, text);
    bringBack(caption);
    entry.captions.push(caption.text);
    said.append(line(caption.text));
  };
  return h("div", {}, said, lineForm(t("upload.caption"), add, t("upload.caption.label", { name: entry.file.name })));
}

function tagField(entry) {
  const input = h("input", {
    type: "text",
    value: entry.item.tags.join(", "),
    placeholder: t("upload.tags"),
    "aria-label": t("upload.tags.label", { name: entry.file.name }),
    onchange: async () => {
      await tried(() => setTags(entry, namesIn(input.value)));
      input.value = entry.item.tags.join(", ");
    },
  });
  return h("div", { class: "in-place" }, icon("tag", 16), input);
}

export function summary({ waiting, sending, pending, indexed, failed, duplicate }) {
  const all = waiting + sending + pending + indexed + failed;
  const others = { waiting: waiting + sending, pending, duplicate, failed };
  const said = Object.entries(others).map(([name, n]) => n > 0 && t("upload.summary", { n, state: t(`upload.state.${name}`) }));
  return {
    done: all ? (indexed + failed) / all : 0,
    said: [t("upload.summary.indexed", { n: indexed, all: number(all) }), ...said].filter(Boolean).join(" · "),
  };
}
