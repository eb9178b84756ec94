/** The live stream of a plan's figures: connects, notices when it is lost, comes back by itself. */

import { get } from "./api.js";

const QUIET_MS = 30_000; // after so long without news ask whether the line still stands: heartbeats are not shown to a page
const RETRY_MS = [1_000, 2_000, 5_000, 10_000];

/**
 * Listen to `streamUrl`. `on.snapshot(data)`, `on.change(data)`, `on.connection(state)` with state `connecting`, `live`
 * or `lost`; `on.heard()` whenever the server was heard. `askUrl` is a small answer to ask when the stream is quiet.
 * Returns what ends it.
 */
export function listen(streamUrl, askUrl, on) {
  let source = null;
  let timer = null;
  let failures = 0;

  function connect() {
    source?.close();
    source = new EventSource(streamUrl);
    source.addEventListener("open", heard);
    source.addEventListener("snapshot", (event) => {
      heard();
      on.snapshot(JSON.parse(event.data));
    });
    source.addEventListener("change", (event) => {
      heard();
      on.change(JSON.parse(event.data));
    });
    source.addEventListener("error", () => {
      on.connection("lost");
      // a broken line is taken up by the browser itself; a refused one, or one it gave up, is not
      if (source.readyState === EventSource.CLOSED) retry();
    });
  }

  function heard() {
    failures = 0;
    on.connection("live");
    on.heard();
    wait(QUIET_MS, check);
  }

  async function check() {
    try {
      await get(askUrl);
      if (source.readyState === EventSource.OPEN) heard();
      else retry();
    } catch {
      on.connection("lost");
      retry();
    }
  }

  function retry() {
    wait(RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)], connect);
  }

  function wait(ms, what) {
    clearTimeout(timer);
    timer = setTimeout(what, ms);
  }

  function online() {
    if (source.readyState !== EventSource.OPEN) connect();
  }

  function offline() {
    on.connection("lost");
  }

  addEventListener("online", online);
  addEventListener("offline", offline);
  on.connection("connecting");
  connect();

  return function stop() {
    removeEventListener("online", online);
    removeEventListener("offline", offline);
    clearTimeout(timer);
    source.close();
  };
}
