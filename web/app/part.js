/** What a section shows while its answer is loading, or when it failed. */

import { h } from "./dom.js";

/** A placeholder of `lines` lines. */
export function loading(lines, { words }) {
  return h("div", { class: "loading" }, h("span", { class: "unseen" }, words.loading), Array.from({ length: lines }, () => h("span", { class: "bone" })));
}

/** A part that could not be loaded, with a way to try again; `name` is the answer's name in the store. */
export function failed(problem, name, { words, lang }) {
  return h("div", { class: "failed", "data-testid": "part-failed" },
    h("p", null, words.problems.part, " ", problem.status ? (problem.detail ?? problem.title ?? "") : words.problems.noAnswer + "."),
    h("button", { type: "button", "data-action": "retry", "data-answer": name, lang }, words.problems.retry),
  );
}
