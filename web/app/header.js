/** The top of the page: which plan, as of when, on which basis, in which language, and whether it is live. */

import { h } from "./dom.js";
import { here, href } from "./state/url.js";
import { previousYearEnd } from "./state/store.js";

export function header(context, nothing) {
  const { store, view, words, lang } = context;
  const data = store.realization.data;
  return [
    h("div", { class: "masthead" },
      h("p", { class: "brand" }, h("a", { href: href({ lang: view.address.lang }) }, "Pantau")),
      h("h1", null, data ? data.name[lang] : ""),
      data?.city && h("p", { class: "city" }, `${data.city}, ${words.header.period(data.start_year, data.end_year)}`),
      data?.illustrative && h("p", { class: "illustrative", "data-testid": "illustrative", title: words.header.illustrativeWhy }, words.header.illustrative),
      !nothing && connection(context),
      h("nav", { class: "languages", "aria-label": words.language },
        ["id", "en"].map((one) => h("a", { href: here({ lang: one }), lang: one, hreflang: one, "data-testid": `lang-${one}`, "aria-current": one === lang && "true" },
          h("abbr", { title: one === "id" ? "Bahasa Indonesia" : "English" }, one.toUpperCase()))),
      ),
    ),
    !nothing && controls(context),
  ];
}

function connection({ store, words, format, zone, now }) {
  const fresh = store.realization.data?.fresh_at;
  return h("p", { class: "live" },
    h("span", { class: "connection", "data-testid": "connection", "data-state": store.connection }, words.connection[store.connection]),
    " ",
    h("span", { class: "fresh", "data-testid": "fresh-at" },
      fresh
        ? [h("time", { datetime: fresh }, words.connection.fresh(format.moment(fresh, zone, now))), " ", h("span", { class: "age" }, `(${format.ago(fresh, now)})`)]
        : store.realization.data && words.connection.freshNever),
  );
}

function controls({ store, view, words, format }) {
  const data = store.realization.data;
  const day = view.asOf ?? data?.as_of;
  const end = day && previousYearEnd(day);
  return h("div", { class: "controls" },
    h("div", { class: "control" },
      h("label", { for: "as-of" }, words.header.asOfLabel),
      h("input", {
        id: "as-of", type: "date", "data-testid": "as-of-input", "data-action": "as-of", value: day,
        min: data?.start_year && `${data.start_year}-01-01`,
      }),
      h("a", { href: here({ as_of: "today" }), "aria-current": view.asOf === null && "date", "data-testid": "as-of-today" }, words.header.today),
      data?.start_year && end >= `${data.start_year}-01-01` && h("a", { href: here({ as_of: end }) }, words.header.yearEnd(end.slice(0, 4))),
    ),
    day && h("p", { class: "as-of", "data-testid": "as-of" }, view.opened ? words.header.openedAt(format.day(day)) : words.header.asOf(format.day(day))),
    h("div", { class: "control", role: "group", "aria-label": words.header.basis },
      h("span", { "aria-hidden": "true" }, words.header.basis),
      ["claimed", "verified"].map((basis) => h("a", {
        href: here({ basis: basis === "claimed" ? null : basis }), "data-testid": `basis-${basis}`,
        "aria-current": view.basis === basis && "true", title: words.header[`${basis}Why`],
      }, words.header[basis])),
    ),
    h("div", { class: "control tools" },
      h("a", { href: here({}, "programs"), class: "find" }, words.header.find, " ", h("kbd", null, "/")),
      store.plans.data?.items.length > 1 && h("a", { href: here({}, "plans") }, words.header.plans),
      h("a", { href: here({ wall: view.address.wall ? null : "1" }), class: "wall-link" }, view.address.wall ? words.header.leaveWall : words.header.wall),
      h("button", { type: "button", "data-action": "print" }, words.header.print),
    ),
  );
}
