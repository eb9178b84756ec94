/** The plain banner that stands there while the connection is lost. */

import { h } from "./dom.js";

export function banner({ store, view, words, format, zone }) {
  if (store.connection !== "lost" || !store.realization.data) return null;
  const time = store.aliveAt && format.clock(store.aliveAt, zone);
  const text = time ? (view.address.wall ? words.wall.stale(time) : words.connection.banner(time)) : words.connection.bannerNever;
  return h("p", null, text);
}
