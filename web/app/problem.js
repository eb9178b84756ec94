/** When there is nothing to show: why, and what to do. */

import { h } from "./dom.js";
import { href } from "./state/url.js";

export function problem({ store, view, words }) {
  const found = store.realization.problem;
  const [title, advice] = say(found, words);
  return [
    h("h2", { id: "problem-title" }, title),
    found?.detail && h("p", null, found.detail),
    found?.errors.length > 0 && h("ul", null, found.errors.map((one) => h("li", null, `${one.where}: ${one.what}. ${one.expected ?? ""}`))),
    advice && h("p", null, advice),
    h("p", { class: "actions" },
      found && found.status !== 404 && h("button", { type: "button", "data-action": "retry", "data-answer": "realization" }, words.problems.retry),
      found && h("a", { href: href({ lang: view.address.lang }) }, words.problems.opening)),
  ];
}

function say(found, words) {
  const { problems } = words;
  if (!found) return [problems.noPlan, problems.noPlanDo];
  if (found.status === 404) return [problems.unknownPlan, problems.unknownPlanDo];
  if (found.status === 0) return [problems.noAnswer, problems.noAnswerDo];
  return [found.status < 500 ? problems.refused : problems.failed, null];
}
