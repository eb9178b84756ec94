/** What is this number: its formula, what it is made of, how it is known, and every other formula there is. */

import { bars, silent } from "./cells.js";
import { bullet } from "./bullet.js";
import { h } from "./dom.js";
import { mark } from "./mark.js";
import { loading } from "./part.js";
import { addresses } from "./state/store.js";
import { here } from "./state/url.js";
import { describe } from "./target.js";
import { DIMENSIONS, FORMULAS, STATUSES } from "./vocabulary.js";

function cellOf({ store, view }) {
  const data = store.realization.data;
  return view.address.group === "overall" ? data.overall : data.groups.find((one) => one.key === view.address.group);
}

export function figureTitle(context) {
  const { store, view, words, lang } = context;
  if (!store.realization.data || view.address.group === "overall") return words.figure.title;
  const cell = cellOf(context);
  return cell ? words.figure.of(cell.label[lang]) : words.figure.title;
}

export function figure(context) {
  const { store, words } = context;
  const data = store.realization.data;
  if (!data) return loading(8, context);
  const cell = cellOf(context);
  if (!cell) return h("p", { class: "empty" }, words.figure.missing);
  return [
    equation(cell, context),
    cell.programs > 0 && h("div", { class: "measure" }, bullet(bars(cell), describe(cell, context))),
    facts(cell, data, context),
    cell.financial_ahead && h("p", { class: "warning" }, mark("behind"), words.figure.financialAhead),
    formulas(cell, context),
    parts(context),
    statuses(cell, context),
    h("h3", null, words.figure.special),
    h("ul", { class: "specials" }, words.figure.specials.map((one) => h("li", null, one))),
    source(data, context),
  ];
}

function equation(cell, { words, format, lang }) {
  const { share } = cell;
  return h("div", { class: "equation" },
    share.percent === null
      ? h("p", { class: "reason" }, share.reason[lang])
      : silent(cell) ? h("p", { class: "unknown-note", "data-testid": "figure-unknown" }, mark(null), words.figure.silent) : h("p", { class: "fraction", "data-testid": "equation" },
          `${format.number(share.numerator)} ÷ ${format.number(share.denominator)} = `, h("b", null, format.percent(share.percent))),
    h("p", null, words.figure.fraction),
  );
}

function facts(cell, data, { words, format, zone, now, lang }) {
  const seen = data.known_at;
  const list = [
    [words.figure.formula, h("code", null, cell.share.formula)],
    [words.figure.numerator, format.number(cell.share.numerator)],
    [words.figure.denominator, format.number(cell.share.denominator)],
    [words.figure.basis, words.header[data.basis]],
    [words.figure.claimed, silent(cell) ? words.headline.noReportsFigure : value(cell.claimed, { words, format, lang })],
    [words.figure.verified, silent(cell) ? words.headline.noReportsFigure : value(cell.verified, { words, format, lang })],
    [words.figure.never, words.figure.neverWhy(format.number(cell.never_reported))],
    [words.figure.planVersion, data.plan_version === null ? words.none : format.number(data.plan_version)],
    [words.figure.asOf, format.day(data.as_of)],
    [words.figure.knownAt, seen && words.figure.seq(format.number(seen.seq), seen.received_at ? format.moment(seen.received_at, zone, now) : words.none)],
    [words.figure.fresh, data.fresh_at ? `${format.moment(data.fresh_at, zone, now)} (${format.ago(data.fresh_at, now)})` : words.none],
    [words.figure.target, cell.target?.percent ? `${format.percent(cell.target.percent)} (${words.target.rules[cell.target.rule]})` : words.none],
    [words.figure.achievement, cell.achievement?.percent ? format.percent(cell.achievement.percent) : words.none],
    [words.figure.band, [cell.achievement?.band_label?.[lang] ?? words.none, ". ", h("small", null, words.figure.bandWhy)]],
  ];
  return h("dl", { class: "facts-list", "data-testid": "figure-facts" }, list.map(([term, detail]) => h("div", null, h("dt", null, term), h("dd", null, detail))));
}

/** A figure's value, or why there is none. */
function value(figure, { words, format, lang }) {
  if (figure.percent !== null) return format.percent(figure.percent);
  return h("span", { class: "reason" }, words.figure.unavailable, ". ", figure.reason[lang]);
}

function formulas(cell, context) {
  const { words, format } = context;
  const columns = words.figure.formulaColumns;
  return [
    h("h3", null, words.figure.formulas),
    h("p", null, words.figure.formulasWhy),
    h("table", { "data-testid": "formulas" },
      h("thead", null, h("tr", null, h("th", { scope: "col" }, columns.name), h("th", { scope: "col", class: "number" }, columns.value), h("th", { scope: "col", class: "number" }, columns.fraction))),
      h("tbody", null, FORMULAS.filter((name) => cell[name]).map((name) => {
        const one = cell[name];
        return h("tr", { "data-key": name, "data-testid": `formula-${name}` },
          h("th", { scope: "row" }, words.figure.names[name][0], h("small", null, words.figure.names[name][1]), h("code", null, one.formula)),
          one.percent === null
            ? h("td", { colspan: 2, class: "reason" }, value(one, context))
            : [h("td", { class: "number" }, format.percent(one.percent)), h("td", { class: "number fraction" }, `${format.number(one.numerator)} ÷ ${format.number(one.denominator)}`)]);
      }))),
  ];
}

function parts({ store, view, words, format, lang }) {
  const within = DIMENSIONS[view.address.group];
  const cells = store.parts.data?.groups.filter((cell) => within?.includes(cell.key)) ?? [];
  if (!cells.length) return null;
  const columns = words.figure.subColumns;
  return [
    h("h3", null, words.figure.subDimensions),
    h("table", null,
      h("thead", null, h("tr", null, Object.entries(columns).map(([key, word]) => h("th", { scope: "col", class: key !== "name" && "number" }, word)))),
      h("tbody", null, cells.map((cell) => h("tr", { "data-key": cell.key },
        h("th", { scope: "row" }, cell.label[lang]),
        silent(cell) || cell.claimed.percent === null
          ? h("td", { colspan: 3, class: "reason" }, cell.claimed.reason?.[lang] ?? words.dimensions.noReports)
          : [
              h("td", { class: "number" }, words.dimensions.count(format.number(cell.realized), format.number(cell.programs))),
              h("td", { class: "number" }, format.percent(cell.claimed.percent)),
              h("td", { class: "number" }, format.percent(cell.verified.percent)),
            ],
        h("td", { class: "number" }, cell.target?.percent ? format.percent(cell.target.percent) : words.none))))),
  ];
}

function statuses(cell, { view, words, format }) {
  const dimension = view.address.group === "overall" ? null : view.address.group;
  const columns = words.figure.statusColumns;
  const row = (status, word, count, link) => h("tr", { "data-key": status ?? "never" },
    h("th", { scope: "row" }, mark(status), link ? h("a", { href: link }, word) : word),
    h("td", { class: "number" }, format.number(count)));
  return [
    h("h3", null, words.figure.statuses),
    h("table", null,
      h("thead", null, h("tr", null, h("th", { scope: "col" }, columns.status), h("th", { scope: "col", class: "number" }, columns.count))),
      h("tbody", null,
        STATUSES.map((status) => row(status, words.statuses[status], cell.statuses[status] ?? 0,
          here({ group: null, dimension, status, state: null, department: null, q: null }, "programs"))),
        row(null, words.programs.neverReported, cell.never_reported,
          here({ group: null, dimension, status: null, state: "never", department: null, q: null }, "programs")))),
    h("p", null, h("a", { href: here({ group: null, dimension, status: null, state: null, department: null, q: null }, "programs") }, words.figure.programs)),
  ];
}

function source(data, { store, view, words }) {
  const url = addresses.pinned(view, data);
  return [
    h("h3", null, words.figure.source),
    h("p", { class: "source" }, h("a", { href: url, "data-testid": "source-url" }, url)),
    h("p", null, words.figure.sourceWhy, " ",
      h("button", { type: "button", "data-action": "copy-link", "data-link": url }, store.copied === url ? words.copied : words.figure.copyLink)),
  ];
}
