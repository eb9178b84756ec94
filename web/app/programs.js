/** The programs behind the figures: find, filter, sort, copy; a page at a time. */

import { h } from "./dom.js";
import { mark } from "./mark.js";
import { failed, loading } from "./part.js";
import { here } from "./state/url.js";
import { DIMENSIONS, PROGRAM_STATES, STATUSES } from "./vocabulary.js";

const COLUMNS = ["program", "name", "dimension", "department", "status", "physical", "spent", "verified", "state", "effective_on"];
const NUMBERS = ["physical", "spent"];
export const FILTERS = ["dimension", "department", "status", "state", "quick_win"];

export function programs(context) {
  const { store, view, words, format } = context;
  const { data, problem, waiting } = store.programs;
  const title = h("h2", { id: "programs-title", tabindex: -1 }, words.programs.question);
  const form = filters(context);
  if (problem) return [title, form, failed(problem, "programs", context)];
  if (!data) return [title, form, loading(8, context)];
  const rows = sorted(data.items, view.address.sort, context).slice(0, store.programs.shown);
  const rest = data.total - rows.length;
  return [
    title,
    form,
    h("div", { class: "table-tools" },
      h("p", { role: "status", "data-testid": "programs-total" },
        rest > 0 ? words.programs.shown(format.number(rows.length), format.number(data.total)) : words.programs.total(format.number(data.total))),
      rows.length > 0 && h("button", { type: "button", "data-action": "copy-programs", "data-testid": "programs-copy" }, store.copied === "programs" ? words.copied : words.programs.copy)),
    rows.length
      ? h("div", { class: "scroll", tabindex: 0, role: "region", "aria-labelledby": "programs-title" }, table(rows, context))
      : h("p", { class: "empty" }, words.programs.none),
    rest > 0 && h("p", { class: "more" }, h("button", { type: "button", "data-action": "more-programs", disabled: waiting }, words.more(format.number(Math.min(50, rest))))),
  ];
}

function filters({ store, view, words, format, lang }) {
  const asked = view.address;
  const plan = store.realization.data;
  const departments = store.departments.data?.items ?? [];
  const years = plan?.start_year ? Array.from({ length: plan.end_year - plan.start_year + 1 }, (_, index) => String(plan.start_year + index)) : [];
  const options = {
    dimension: Object.keys(DIMENSIONS).map((key) => [key, words.dimensionNames[key]]),
    department: departments.map((item) => [item.department, item.name[lang]]),
    status: STATUSES.map((key) => [key, words.statuses[key]]),
    state: PROGRAM_STATES.map((key) => [key, words.programStates[key]]),
    quick_win: years.map((year) => [year, year]),
  };
  return h("form", { class: "filters", role: "search" },
    h("p", { class: "find" },
      h("label", { for: "find" }, words.programs.find),
      h("input", { id: "find", type: "search", autocomplete: "off", "data-action": "find", "data-testid": "find", value: asked.q, placeholder: words.programs.findHint, "aria-keyshortcuts": "/" })),
    FILTERS.map((name) => h("p", null,
      h("label", { for: `filter-${name}` }, words.programs.filters[name]),
      h("select", { id: `filter-${name}`, "data-action": "filter", "data-field": name, "data-testid": `filter-${name}` },
        h("option", { value: "" }, words.programs.all),
        options[name].map(([value, word]) => h("option", { value, selected: asked[name] === value }, word))))),
    [...FILTERS, "q"].some((name) => asked[name]) && h("p", null,
      h("a", { href: here({ q: null, dimension: null, department: null, status: null, state: null, quick_win: null }, "programs") }, words.programs.clear)),
  );
}

function nameOf(department, { store, lang }) {
  return store.departments.data?.items.find((item) => item.department === department)?.name[lang] ?? department;
}

/** What stands in a column, as words: for the table, its copy, and sorting by words. */
function textOf(item, column, context) {
  const { words, format, lang } = context;
  const known = item.status !== null;
  switch (column) {
    case "program": return item.program;
    case "name": return item.name[lang];
    case "dimension": return words.dimensionNames[item.dimension] ?? item.dimension;
    case "department": return nameOf(item.department, context);
    case "status": return known ? words.statuses[item.status] : words.programs.neverReported;
    case "physical": return known ? format.percent(item.physical) : words.none;
    case "spent": return item.spent === null ? words.none : format.money(item.spent);
    case "verified": return item.status === "realized" ? words.programs[item.verified ? "verified" : "unverified"] : words.none;
    case "state": return words.programStates[item.state];
    default: return item.effective_on ? format.shortDay(item.effective_on) : words.none;
  }
}

/** Sorted by a column, `-column` downwards; what is not known comes last either way. */
function sorted(items, sort, context) {
  if (!sort) return items;
  const down = sort.startsWith("-");
  const column = down ? sort.slice(1) : sort;
  if (!COLUMNS.includes(column)) return items;
  const exact = NUMBERS.includes(column) || column === "effective_on";
  const value = (item) => {
    if (!exact) return textOf(item, column, context);
    return NUMBERS.includes(column) && item[column] !== null ? Number(item[column]) : item[column];
  };
  const compare = exact
    ? (one, other) => (one < other ? -1 : one > other ? 1 : 0)
    : new Intl.Collator(context.words.locale, { numeric: true }).compare;
  return [...items].sort((one, other) => {
    const [a, b] = [value(one), value(other)];
    if (a === null || b === null) return (a === null) - (b === null);
    return down ? compare(b, a) : compare(a, b);
  });
}

function table(rows, context) {
  const { store, view, words } = context;
  const { sort } = view.address;
  return h("table", { class: "wide" },
    h("thead", null, h("tr", null, COLUMNS.map((column) => {
      const direction = sort === column ? "ascending" : sort === `-${column}` ? "descending" : null;
      const word = words.programs.columns[column];
      return h("th", { scope: "col", class: NUMBERS.includes(column) && "number", "aria-sort": direction },
        h("a", { href: here({ sort: direction === "ascending" ? `-${column}` : direction ? null : column }), title: words.programs.sortBy(word) }, word));
    }))),
    h("tbody", null, rows.map((item) => h("tr", { "data-key": item.program, class: [store.moved.has(item.program) && "moved", item.status === null && "never"].filter(Boolean).join(" ") || null },
      COLUMNS.map((column) => cell(item, column, context))))),
  );
}

function cell(item, column, context) {
  const text = textOf(item, column, context);
  const label = context.words.programs.columns[column];
  if (column === "name") {
    return h("th", { scope: "row", "data-label": label }, h("a", { href: here({ program: item.program, group: null }), "aria-haspopup": "dialog" }, text));
  }
  const state = column === "status" ? mark(item.status) : column === "state" ? mark(item.state) : null;
  return h("td", { "data-label": label, class: NUMBERS.includes(column) ? "number" : column === "program" ? "code" : null }, state, text);
}

/** All rows that came, as lines of cells parted by tabs, to paste into a spreadsheet. */
export function programsAsText(context) {
  const { store, view, words } = context;
  const rows = sorted(store.programs.data.items, view.address.sort, context);
  return [
    COLUMNS.map((column) => words.programs.columns[column]),
    ...rows.map((item) => COLUMNS.map((column) => textOf(item, column, context).replace(/\s+/g, " "))),
  ].map((line) => line.join("\t")).join("\n");
}
