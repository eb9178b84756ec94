/** Where? Six dimensions as small multiples in a fixed order, on one scale, with the table behind them. */

import { bars, silent, standing } from "./cells.js";
import { bullet } from "./bullet.js";
import { h } from "./dom.js";
import { mark } from "./mark.js";
import { loading } from "./part.js";
import { scale, sparkline } from "./sparkline.js";
import { here } from "./state/url.js";
import { describe } from "./target.js";
import { describeTrend, trend } from "./trend.js";
import { DIMENSIONS } from "./vocabulary.js";

const ORDER = Object.keys(DIMENSIONS);

function inOrder(groups) {
  const place = (cell) => (ORDER.includes(cell.key) ? ORDER.indexOf(cell.key) : ORDER.length);
  return [...groups].sort((one, other) => place(one) - place(other));
}

export function dimensions(context) {
  const { store, words } = context;
  const data = store.realization.data;
  const title = h("h2", { id: "dimensions-title" }, words.dimensions.question);
  if (!data) return [title, loading(5, context)];
  const groups = inOrder(data.groups);
  if (!groups.length) return [title, h("p", { class: "empty" }, data.overall.share.reason?.[context.lang] ?? words.dimensions.empty)];
  const trends = new Map(groups.map((cell) => [cell.key, silent(cell) || !cell.programs ? null : trend(cell.key, context)]));
  const top = scale([...trends.values()].filter(Boolean));
  return [
    title,
    h("ul", { class: "multiples" }, groups.map((cell) => dimension(cell, trends.get(cell.key), top, context))),
    table(groups, data, context),
  ];
}

function dimension(cell, points, top, context) {
  const { store, words, format, lang } = context;
  const name = cell.label[lang];
  const state = standing(cell);
  const unknown = silent(cell);
  return h("li", { "data-key": cell.key, "data-testid": `dimension-${cell.key}`, class: store.moved.has(cell.key) && "moved" },
    h("h3", null, h("a", { href: here({ group: cell.key, program: null }), "aria-haspopup": "dialog" }, name)),
    h("p", { class: "of" },
      h("b", { class: unknown || cell.share.percent === null ? "unknown" : null, "data-testid": "dimension-percent" },
        unknown ? words.dimensions.noReports : cell.share.percent === null ? words.dimensions.noPrograms : format.percent(cell.share.percent)),
      " ",
      cell.programs > 0 && h("span", null, unknown ? words.programs.total(format.number(cell.programs)) : words.dimensions.count(format.number(cell.share.numerator), format.number(cell.share.denominator)))),
    h("div", { class: "measure" }, bullet(bars(cell), `${name}. ${describe(cell, context)}`)),
    cell.programs > 0 && h("p", { class: `standing ${state}` }, mark(state), words.states[state](cell.target?.percent ? format.percent(cell.target.percent) : words.none)),
    h("div", { class: "trend" }, points ? sparkline(points, top, describeTrend(points, cell, name, context)) : unknown && h("span", { class: "hatched" })),
  );
}

function table(groups, data, { words, format, lang }) {
  const columns = words.dimensions.columns;
  const share = (figure) => (figure.percent === null ? h("span", { title: figure.reason?.[lang] }, words.none) : format.percent(figure.percent));
  return h("details", { class: "behind-chart", "data-testid": "dimensions-table" },
    h("summary", null, words.dimensions.table),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": words.dimensions.table },
      h("table", null,
        h("caption", null, words.dimensions.caption(format.day(data.as_of))),
        h("thead", null, h("tr", null, Object.entries(columns).map(([key, word]) => h("th", { scope: "col", class: key !== "name" && key !== "band" && "number" }, word)))),
        h("tbody", null, groups.map((cell) => h("tr", { "data-key": cell.key },
          h("th", { scope: "row" }, cell.label[lang]),
          h("td", { class: "number" }, silent(cell) ? words.none : format.number(cell.realized)),
          h("td", { class: "number" }, format.number(cell.programs)),
          h("td", { class: "number" }, silent(cell) ? words.none : share(cell.claimed)),
          h("td", { class: "number" }, silent(cell) ? words.none : share(cell.verified)),
          h("td", { class: "number" }, cell.target?.percent ? format.percent(cell.target.percent) : words.none),
          h("td", { class: "number" }, cell.achievement?.percent ? format.percent(cell.achievement.percent) : words.none),
          h("td", null, cell.achievement?.band_label?.[lang] ?? words.none),
          h("td", { class: "number" }, format.number(cell.never_reported)),
        ))),
      )),
  );
}
