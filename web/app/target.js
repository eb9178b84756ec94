/** Is that good? The figure against the target to date, in words and as a bullet bar. */

import { bars, extent, silent, standing } from "./cells.js";
import { bullet } from "./bullet.js";
import { h } from "./dom.js";
import { mark } from "./mark.js";
import { loading } from "./part.js";

export function target(context) {
  const { store, words, format, lang } = context;
  const data = store.realization.data;
  const title = h("h2", { id: "target-title" }, words.target.question);
  if (!data) return [title, loading(3, context)];
  const { overall } = data;
  const state = standing(overall);
  const expected = overall.target?.percent ?? null;
  const achieved = overall.achievement?.percent ?? null;
  return [
    title,
    h("p", { class: `verdict ${state}` }, mark(state), words.target[state]),
    h("p", { "data-testid": "target" },
      expected === null || Number(expected) === 0
        ? words.target.noTarget
        : [words.target.sentence(format.percent(expected)), " ", h("span", { class: "rule" }, `(${words.target.rules[overall.target.rule]})`)]),
    h("p", { "data-testid": "band" },
      achieved === null || silent(overall)
        ? null
        : [words.target.achievement(format.percent(achieved)), " ", h("b", null, overall.achievement.band_label?.[lang] ?? words.none), "."]),
    overall.programs > 0 && h("div", { class: "measure" }, bullet(bars(overall), describe(overall, context))),
    overall.programs > 0 && legend(words),
  ];
}

/** What a bullet bar shows, in words. */
export function describe(cell, { words, format }) {
  const percentText = (figure) => (figure?.percent ? format.percent(figure.percent) : words.none);
  return words.headline.bullet({
    claimed: silent(cell) ? words.headline.noReportsFigure : percentText(cell.claimed),
    verified: silent(cell) ? words.headline.noReportsFigure : percentText(cell.verified),
    target: extent(cell.target?.percent) === null ? words.none : percentText(cell.target),
    never: format.number(cell.never_reported),
  });
}

function legend(words) {
  return h("p", { class: "legend", "aria-hidden": "true" },
    ["claimed", "verified", "target", "unknown"].map((name) => h("span", { class: `key key-${name}` }, words.target.legend[name])));
}
