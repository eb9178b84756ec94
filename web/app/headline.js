/** How far are we? One number, one sentence; and beside it the figure at the end of the year before, which is fixed. */

import { silent } from "./cells.js";
import { countTo } from "./count.js";
import { h } from "./dom.js";
import { mark } from "./mark.js";
import { loading, failed } from "./part.js";
import { scale, sparkline } from "./sparkline.js";
import { describeTrend, trend } from "./trend.js";
import { here } from "./state/url.js";

function spelled(figure, cell, day, { format }) {
  return {
    numerator: format.number(figure.numerator),
    denominator: format.number(figure.denominator),
    percent: figure.percent === null ? "" : format.percent(figure.percent),
    day: format.day(day),
    one: figure.denominator === "1" || (figure.numerator === "1" && cell.programs === 1),
  };
}

/** The sentence in three parts, the middle one being the figure, which stands large beside it. */
function sentence(data, context) {
  const { words, format, lang } = context;
  const { overall } = data;
  if (overall.share.percent === null) return [overall.share.reason[lang], "", ""];
  if (silent(overall)) return [words.headline.noReports(format.number(overall.programs), format.day(data.as_of)), "", ""];
  return words.headline[data.basis](spelled(overall.share, overall, data.as_of, context));
}

/** The whole sentence, for the announcement of a change. */
export function spokenHeadline(context) {
  return sentence(context.store.realization.data, context).join("");
}

export function headline(context) {
  const { store, words, format } = context;
  const data = store.realization.data;
  const title = h("h2", { id: "headline-title" }, words.headline.question);
  if (!data) return [title, loading(4, context)];
  const { overall } = data;
  const exists = overall.share.percent !== null && !silent(overall);
  const [before, percent, after] = sentence(data, context);
  return [
    title,
    exists
      ? h("p", { class: "figure", "data-key": "figure", "aria-hidden": "true", "data-testid": "overall-percent", "data-own": true })
      : h("p", { class: "figure unknown", "data-key": "unknown", "data-testid": "overall-percent" }, overall.share.percent === null ? words.none : words.headline.noReportsFigure),
    h("p", { class: "sentence", "data-testid": "overall-sentence" }, before, percent && h("span", { class: "unseen" }, percent), after),
    overall.programs > 0 && h("p", { class: "counts", "data-testid": "counts" },
      exists && count("realized", overall.claimed.numerator, words.headline.claimedCount, format),
      exists && count("verified", overall.verified.numerator, words.headline.verifiedCount, format),
      count("never", String(overall.never_reported), words.headline.neverCount, format),
    ),
    h("p", { class: "why" }, h("a", { href: here({ group: "overall", program: null }), "data-testid": "drawer-open", "aria-haspopup": "dialog" }, words.headline.why)),
  ];
}

function count(state, text, word, format) {
  return h("span", null, mark(state), h("b", null, format.number(text)), " ", word);
}

/** After the headline is in the page: let the large figure count to its value. */
export function countHeadline(section, { store, view, format, lang }) {
  const data = store.realization.data;
  const element = section.querySelector(".figure[data-own]");
  if (element) countTo(element, data.overall.share.percent, [view.plan, data.as_of, data.basis, lang].join(" "), format.percent);
}

export function previous(context) {
  const { store, view, words, format, lang } = context;
  const { data, problem } = store.previous;
  const day = view.asOf ?? store.realization.data?.as_of;
  const title = h("h2", { id: "previous-title" },
    day ? words.previous.question(Number(day.slice(0, 4)) - 1) : "",
    " ", h("span", { class: "fixed", title: words.previous.fixedWhy }, words.previous.fixed));
  if (problem) return [title, failed(problem, "previous", context)];
  if (!data) return [title, loading(2, context)];
  const { share } = data.overall;
  if (share.percent === null || silent(data.overall)) {
    return [
      title,
      h("p", { class: "figure unknown", "data-testid": "fixed-percent" }, words.none),
      h("p", { class: "sentence", "data-testid": "fixed-sentence" },
        share.percent === null ? share.reason[lang] : words.headline.noReports(format.number(data.overall.programs), format.day(data.as_of))),
    ];
  }
  const say = view.basis === "verified" ? words.previous.sentenceVerified : words.previous.sentence;
  return [
    title,
    h("p", { class: "figure", "data-testid": "fixed-percent" }, format.percent(share.percent)),
    h("p", { class: "sentence", "data-testid": "fixed-sentence" }, say(spelled(share, data.overall, data.as_of, context))),
    h("p", { class: "since" }, since(store.realization.data, share, context)),
    between(data.as_of, context),
  ];
}

/** The way from the figure that is fixed, marked by a ring, to the live one. */
function between(fixedOn, context) {
  const now = context.store.realization.data;
  const points = now && !silent(now.overall) && trend("overall", context);
  if (!points) return null;
  const marked = points.map((point) => ({ ...point, marked: point.as_of === fixedOn }));
  return h("figure", { class: "trend" },
    sparkline(marked, scale([marked]), describeTrend(points, now.overall, context.words.figure.overall, context)),
    h("figcaption", null, context.words.previous.trend));
}

/** How many programs more are realized than at the end of the year before: whole numbers, so exact. */
function since(now, before, { words, format }) {
  if (!now || now.overall.share.percent === null || silent(now.overall)) return null;
  const more = BigInt(now.overall.share.numerator) - BigInt(before.numerator);
  return more === 0n ? words.previous.same : words.previous.since(format.number(more));
}
