/** Asking the API: addresses of answers, and problems in a form that can be shown. */

/** What went wrong. `status` 0: no answer at all. */
export class Problem extends Error {
  constructor(status, body = {}) {
    super(body.detail ?? body.title ?? `${status}`);
    this.status = status;
    this.title = body.title ?? null;
    this.detail = body.detail ?? null;
    this.errors = body.errors ?? [];
  }
}

/** The address of an answer; parameters that are null are left out. */
export function answerUrl(path, parameters = {}) {
  const url = new URL(path, document.baseURI);
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined && value !== "") url.searchParams.set(name, value);
  }
  return url.href;
}

/** The address of an answer about a plan. */
export function planUrl(plan, path, parameters) {
  return answerUrl(`v1/plans/${encodeURIComponent(plan)}/${path}`, parameters);
}

/** The JSON at an address. Throws a Problem, or an AbortError when `signal` aborts it. */
export async function get(url, signal) {
  let response;
  try {
    response = await fetch(url, { signal, cache: "no-cache", headers: { accept: "application/json" } });
    if (response.ok) return await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0);
  }
  throw new Problem(response.status, await response.json().catch(() => ({})));
}
