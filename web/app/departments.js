/** Who is missing? Departments by how they keep up with reporting, by name; those who don't come first. */

import { h } from "./dom.js";
import { mark } from "./mark.js";
import { failed, loading } from "./part.js";
import { here } from "./state/url.js";
import { DEPARTMENT_STATES } from "./vocabulary.js";

export function departments(context) {
  const { store, words, format, zone } = context;
  const { data, problem } = store.departments;
  const title = h("h2", { id: "departments-title" }, words.departments.question);
  if (problem) return [title, failed(problem, "departments", context)];
  if (!data) return [title, loading(5, context)];
  const { items, counts, period, due_on } = data;
  const missing = DEPARTMENT_STATES.filter((state) => state !== "on_time").flatMap((state) => items.filter((item) => item.state === state));
  const onTime = items.filter((item) => item.state === "on_time");
  return [
    title,
    period && h("p", { class: "aside" }, words.departments.period(format.period(period), format.day(due_on))),
    h("ul", { class: "tally" }, DEPARTMENT_STATES.map((state) => h("li", { class: `state-${state}`, "data-testid": `departments-${state}` },
      mark(state), h("b", null, format.number(counts[state])), " ", words.departments.states[state]))),
    !items.length && h("p", { class: "empty" }, words.departments.empty),
    items.length > 0 && !missing.length && h("p", { class: "empty" }, words.departments.allOnTime),
    h("ul", { class: "rows" }, missing.map((item) => row(item, context, zone))),
    onTime.length > 0 && h("details", null,
      h("summary", null, words.departments.onTime(format.number(onTime.length))),
      h("ul", { class: "rows" }, onTime.map((item) => row(item, context, zone)))),
  ];
}

function row(item, { words, format, lang }) {
  const facts = [
    item.state === "never"
      ? words.departments.programs(format.number(item.programs))
      : item.state !== "late" && item.last_period && words.departments.last(format.period(item.last_period)),
    item.periods_missed > 0 && words.departments.missed(format.number(item.periods_missed)),
    item.state === "late" && item.missing > 0 && words.departments.missing(format.number(item.missing)),
  ].filter(Boolean);
  return h("li", { "data-key": item.department, "data-state": item.state },
    mark(item.state),
    h("span", { class: "name" },
      h("a", { href: here({ department: item.department, dimension: null, status: null, state: null, q: null, group: null }, "programs"), title: words.departments.show(item.name[lang]) }, item.name[lang])),
    h("span", { class: "facts" }, h("span", { class: "state" }, words.departments.states[item.state]), facts.map((fact) => [" · ", fact])),
  );
}
