/** What changed since a date: counted by kind, then program by program, what weighs most first. */

import { silent } from "./cells.js";
import { h } from "./dom.js";
import { mark } from "./mark.js";
import { failed, loading } from "./part.js";
import { here } from "./state/url.js";
import { CHANGES } from "./vocabulary.js";

const MAIN = 5;
const MOST = 500; // rows drawn at most; the programs table has the rest
const FEW = 2; // of one kind

export function changes(context) {
  const { store, view, words, format, lang } = context;
  const { data, problem } = store.changes;
  const now = store.realization.data;
  const unknown = data?.after.percent === null || (now && silent(now.overall));
  const percentText = (figure) => (figure.percent === null ? words.none : format.percent(figure.percent));
  const title = h("h2", { id: "changes-title" }, words.changes.question);
  const since = h("div", { class: "control aside" },
    h("label", { for: "since" }, words.changes.since),
    h("input", { id: "since", type: "date", "data-testid": "since-input", "data-action": "since", value: view.since ?? data?.since }),
    data && !unknown && h("span", { class: "between" }, words.changes.from(percentText(data.before), percentText(data.after))));
  if (problem) return [title, since, failed(problem, "changes", context)];
  if (!data) return [title, since, loading(5, context)];
  const items = CHANGES.flatMap((kind) => newest(data.items.filter((item) => item.change === kind)));
  const all = view.address.changes === "all";
  return [
    title,
    since,
    data.after.reason && h("p", { class: "reason" }, data.after.reason[lang]),
    !items.length && !data.after.reason && h("p", { class: "empty" }, words.changes.none),
    h("ul", { class: "tally" }, CHANGES.filter((kind) => data.counts[kind] > 0).map((kind) => h("li", { "data-testid": `changes-${kind}` },
      mark(kind), h("b", null, format.number(data.counts[kind])), " ", words.changes.kinds[kind]))),
    h("ul", { class: "rows" }, (all ? items.slice(0, MOST) : main(items)).map((item) => row(item, context))),
    items.length > MAIN && h("p", { class: "more" },
      h("a", { href: here({ changes: all ? null : "all" }), "data-testid": "changes-all" }, all ? words.changes.fewer : words.changes.all(format.number(items.length)))),
  ];
}

function newest(items) {
  return items.sort((one, other) => (other.report?.seq ?? 0) - (one.report?.seq ?? 0));
}

/** A few of each kind, so that many of one do not hide the others. */
function main(items) {
  const few = items.filter((item, index) => item.change !== items[index - FEW]?.change);
  return [...few, ...items.filter((item) => !few.includes(item))].slice(0, MAIN);
}

function row(item, { store, words, format, lang }) {
  return h("li", { "data-key": `${item.program} ${item.change}`, class: store.moved.has(item.program) && "moved" },
    mark(item.change),
    h("span", { class: "name" }, h("a", { href: here({ program: item.program, group: null }), "aria-haspopup": "dialog" }, item.name[lang])),
    h("span", { class: "facts" }, h("span", { class: "state" }, words.changes.kinds[item.change]), " · ", moved(item, words, format)),
  );
}

function moved({ change, before, after }, words, format) {
  const nothing = change === "added" || change === "removed" ? words.changes.absent : words.programs.neverReported;
  const at = (side) => (side?.status ? `${words.statuses[side.status]} ${format.percent(side.physical)}` : nothing);
  return change === "verified" || change === "unverified" ? at(after) : `${at(before)} → ${at(after)}`;
}
