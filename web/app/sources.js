/** The foot of the page, also on paper: where the figures come from and how they are made. */

import { h } from "./dom.js";
import { addresses } from "./state/store.js";
import { here } from "./state/url.js";

export function sources({ store, view, words, format }) {
  const data = store.realization.data;
  if (!data) return null;
  const day = format.day(data.as_of);
  const sentence = data.plan_version === null
    ? words.sources.noVersion({ city: data.city ?? data.plan, day })
    : words.sources.sentence({ city: data.city, version: format.number(data.plan_version), day, seq: format.number(data.known_at.seq) });
  const answer = addresses.pinned(view, data);
  const page = new URL(here({ plan: view.plan, as_of: data.as_of, group: null, program: null }), location.href).href;
  return [
    h("h2", null, words.sources.title),
    h("p", { "data-testid": "sources" }, sentence, " ", data.illustrative && words.header.illustrativeWhy),
    h("p", null, words.sources.method),
    h("p", { class: "source" }, words.sources.answer, ": ", h("a", { href: answer }, answer)),
    h("p", { class: "source" }, words.sources.page, ": ", h("a", { href: page }, page)),
  ];
}
