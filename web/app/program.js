/** One program's story: what it is, where it stands, every report with its standing, every verification. */

import { extent } from "./cells.js";
import { h } from "./dom.js";
import { mark } from "./mark.js";
import { failed, loading } from "./part.js";
import { sparkline } from "./sparkline.js";

/** The program the address names; while it is loading, no other program is shown in its place. */
function named({ store, view }) {
  return store.program.data?.program === view.address.program ? store.program.data : null;
}

export function programTitle(context) {
  return named(context)?.name[context.lang] ?? context.view.address.program;
}

export function program(context) {
  const { problem } = context.store.program;
  const data = named(context);
  if (problem) return failed(problem, "program", context);
  if (!data) return loading(8, context);
  return [identity(data, context), state(data, context), reports(data, context), verifications(data, context)];
}

function list(rows) {
  return h("dl", { class: "facts-list" }, rows.filter(([, detail]) => detail !== null && detail !== "")
    .map(([term, detail]) => h("div", null, h("dt", null, term), h("dd", null, detail))));
}

function identity(data, { store, words, format, lang }) {
  const nameOf = (key) => store.departments.data?.items.find((item) => item.department === key)?.name[lang] ?? key;
  return [
    h("p", null, h("code", null, data.program)),
    list([
      [words.program.dimension, words.dimensionNames[data.dimension] ?? data.dimension],
      [words.program.subDimension, words.subDimensionNames[data.sub_dimension] ?? data.sub_dimension],
      [words.program.leader, nameOf(data.department)],
      [words.program.supporting, data.supporting.map(nameOf).join(", ")],
      [words.program.weight, format.percent(data.weight)],
      [words.program.years, words.header.period(data.start_year, data.finish_year)],
      [words.program.quickWin, data.quick_win_years.join(", ")],
      [words.program.priority, data.priority_problem],
      [words.program.sector, data.leading_sector],
    ]),
  ];
}

function state(data, { words, format }) {
  if (data.status === null) {
    return [h("h3", null, words.program.now), h("p", { class: "unknown-note", "data-testid": "program-unknown" }, mark(null), words.program.noReports)];
  }
  return [
    h("h3", null, words.program.now),
    list([
      [words.programs.columns.status, [mark(data.status), words.statuses[data.status]]],
      [words.program.physical, format.percent(data.physical)],
      [words.program.spent, data.spent === null ? null : format.money(data.spent)],
      [words.program.verification, data.status === "realized" ? words.programs[data.verified ? "verified" : "unverified"] : words.none],
      [words.program.effective, format.day(data.effective_on)],
      [words.program.reporting, [mark(data.state), words.programStates[data.state]]],
    ]),
  ];
}

function reports(data, context) {
  const { words, format, zone, lang } = context;
  if (!data.reports.length) return null;
  const columns = words.program.reportColumns;
  const counted = data.reports.filter((one) => one.standing === "current" || one.standing === "superseded").reverse();
  const day = (one) => Date.parse(one.effective_on);
  const [begin, end] = [day(counted[0] ?? {}), day(counted.at(-1) ?? {})];
  const points = counted.map((one) => ({
    at: end > begin ? ((day(one) - begin) / (end - begin)) * 100 : 100, percent: extent(one.physical), verified: null, target: null,
  }));
  return [
    h("h3", null, words.program.reports),
    points.length > 1 && h("div", { class: "trend" }, sparkline(points, 100, words.program.chart({
      name: data.name[lang],
      first: format.percent(counted[0].physical), from: format.day(counted[0].effective_on),
      last: format.percent(counted.at(-1).physical), to: format.day(counted.at(-1).effective_on),
    }))),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": words.program.reports },
      h("table", { "data-testid": "reports" },
        h("thead", null, h("tr", null, Object.entries(columns).map(([key, word]) => h("th", { scope: "col", class: (key === "physical" || key === "spent") && "number" }, word)))),
        h("tbody", null, data.reports.map((one) => h("tr", { "data-key": `${one.source} ${one.id}`, class: `standing-${one.standing}` },
          h("td", null, format.shortDay(one.effective_on)),
          h("td", null, mark(one.status), words.statuses[one.status]),
          h("td", { class: "number" }, format.percent(one.physical)),
          h("td", { class: "number" }, one.spent === null ? words.none : format.money(one.spent)),
          h("td", null, h("span", { class: "moment" }, format.shortMoment(one.received_at, zone)), one.late && h("span", { class: "late" }, " ", mark("late"), words.program.late)),
          h("td", null, words.program.standings[one.standing]),
          h("td", null, origin(one)))))),
    ),
  ];
}

/** Who sent it, by the last part of the source, and its `seq` in the facts log. */
function origin({ source, id, seq }) {
  return h("span", { title: `${source} ${id}` }, source.split("/").at(-1), " ", h("code", null, `#${seq}`));
}

function verifications(data, { words, format }) {
  const columns = words.program.verificationColumns;
  return [
    h("h3", null, words.program.verifications),
    data.verifications.length
      ? h("table", { "data-testid": "verifications" },
          h("thead", null, h("tr", null, Object.values(columns).map((word) => h("th", { scope: "col" }, word)))),
          h("tbody", null, data.verifications.map((one) => h("tr", { "data-key": `${one.source} ${one.id}` },
            h("td", null, format.shortDay(one.visited_on)),
            h("td", null, mark(one.outcome === "confirmed" ? "verified" : "unverified"), words.program.outcomes[one.outcome]),
            h("td", null, words.program.standings[one.standing]),
            h("td", null, origin(one))))))
      : h("p", { class: "empty" }, words.program.noVerifications),
  ];
}
