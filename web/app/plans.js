/** All plans, ranked by the share of programs realized, each with its link. */

import { bars, silent } from "./cells.js";
import { bullet } from "./bullet.js";
import { h } from "./dom.js";
import { href } from "./state/url.js";
import { describe } from "./target.js";

export function plans(context) {
  const { store, words, format } = context;
  const { data, waiting } = store.plans;
  const columns = words.plans.columns;
  const numbers = ["rank", "share", "count", "verified", "target"];
  return [
    h("h2", { id: "plans-title", tabindex: -1 }, words.plans.question),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-labelledby": "plans-title" },
      h("table", { class: "wide" },
        h("caption", null, words.plans.caption(format.day(data.items[0].as_of))),
        h("thead", null, h("tr", null, Object.entries(columns).map(([key, word]) => h("th", { scope: "col", class: numbers.includes(key) && "number" }, word)))),
        h("tbody", null, data.items.map((item) => row(item, context))))),
    data.next && h("p", { class: "more" }, h("button", { type: "button", "data-action": "more-plans", disabled: waiting }, words.more(50))),
  ];
}

function row(item, context) {
  const { view, words, format, zone, now, lang } = context;
  const { overall } = item;
  const here = item.plan === view.plan;
  const known = overall.share.percent !== null && !silent(overall);
  const columns = words.plans.columns;
  const td = (key, ...content) => h("td", { class: key !== "fresh" && "number", "data-label": columns[key] }, content);
  return h("tr", { "data-key": item.plan, "aria-current": here && "true" },
    td("rank", format.number(item.rank)),
    h("th", { scope: "row", "data-label": columns.name },
      h("a", { href: href({ plan: item.plan, as_of: view.address.as_of, basis: view.address.basis, lang: view.address.lang }) }, item.name[lang]),
      " ", h("small", null, item.city, item.illustrative && [" · ", words.header.illustrative], here && [" · ", words.plans.here])),
    td("share",
      known ? h("b", null, format.percent(overall.share.percent)) : h("span", { class: "reason" }, overall.share.reason?.[lang] ?? words.headline.noReportsFigure),
      overall.programs > 0 && h("span", { class: "measure" }, bullet(bars(overall), describe(overall, context)))),
    td("count", known ? words.dimensions.count(format.number(overall.realized), format.number(overall.programs)) : format.number(overall.programs)),
    td("verified", known && overall.verified.percent !== null ? format.percent(overall.verified.percent) : words.none),
    td("target", overall.target?.percent ? format.percent(overall.target.percent) : words.none),
    td("fresh", item.fresh_at ? format.moment(item.fresh_at, zone, now) : words.none),
  );
}
