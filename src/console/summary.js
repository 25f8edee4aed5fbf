/* The server's state at a glance, and its course over the last ten minutes. */
import { Chart } from "./charts.js";
import { bytes, duration, number, time } from "./format.js";
import { html, useEffect, useState } from "./view.js";

const METRICS = [
  ["connections", "Connections"],
  ["peers", "Peers"],
  ["rooms", "Rooms"],
  ["calls", "Calls"],
  ["messages", "Messages/s"],
  ["refusals", "Refusals/s"],
];

/** One line in words: connected or not, ready or not, and what troubles the server. */
export function State({ server, isConnected }) {
  const parts = isConnected ? [] : ["Not connected"];
  if (server !== undefined) {
    parts.push(server.state[0].toUpperCase() + server.state.slice(1));
    if (server.cluster?.up === false) parts.push("Cluster away");
    if (server.store?.trouble) parts.push(`Store: ${server.store.trouble}`);
    for (const hook of server.hooks ?? []) {
      if (hook.stopped) parts.push(`Webhook ${hook.url} has stopped`);
      else if (hook.oldestSeconds > 60) {
        parts.push(`Webhook ${hook.url} is ${duration(hook.oldestSeconds)} behind`);
      }
    }
  }
  const isGood = isConnected && parts.length === 1 && server?.state === "ready";
  return html`
    <p id="state" class=${isGood ? "good" : "bad"} aria-live="polite">${parts.join(" · ")}</p>
  `;
}

/** Version and uptime; the uptime goes on by itself. */
export function Facts({ server }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  if (server === undefined) return null;
  const seconds = (now - Date.parse(server.startedAt)) / 1000;
  return html`
    <p class="facts">
      <span>Version ${server.version}</span>
      <span>Up ${duration(seconds)}</span>
    </p>
  `;
}

/** The nodes of a cluster; all other figures are those of the node that serves this page. */
export function Nodes({ cluster }) {
  if (cluster === undefined) return null;
  const { name, node, up, nodes } = cluster;
  return html`
    <section id="nodes" aria-labelledby="nodes-title">
      <h2 id="nodes-title">Cluster ${name}</h2>
      <p class="facts">
        <span class=${up ? "good" : "bad"}>${up ? "Up" : "Away"}</span>
        <span>The figures above are those of node ${node}</span>
      </p>
      <div class="scroll" tabindex="0" role="region" aria-label="Nodes as a table">
        <table>
          <thead>
            <tr>
              <th scope="col">Node</th>
              <th scope="col">Since</th>
              <th scope="col" class="number">Peers</th>
              <th scope="col" class="number">Connections</th>
            </tr>
          </thead>
          <tbody>
            ${nodes.map((one) =>
              html`
                <tr key=${one.name}>
                  <th scope="row">${one.name}</th>
                  <td>${time(one.since)}</td>
                  <td class="number">${number(one.peers)}</td>
                  <td class="number">${number(one.connections)}</td>
                </tr>
              `
            )}
          </tbody>
        </table>
      </div>
    </section>
  `;
}

export function Summary({ figures, rates, load, version }) {
  return html`
    <section aria-label="Figures">
      <dl class="figures">
        ${METRICS.map(([key, label]) =>
          html`
            <div key=${key}>
              <dt>${label}</dt>
              <dd data-metric=${key}>${number(figures[key] ?? 0)}</dd>
            </div>
          `
        )}
      </dl>
      <p class="facts">
        <span>Memory ${bytes(figures.residentBytes)}</span>
        <span>Queued ${bytes(figures.queuedBytes)}</span>
        <span>Event loop lag ${figures.lagSeconds === undefined
          ? "–"
          : `${number(figures.lagSeconds * 1000)} ms`}</span>
      </p>
      <div class="charts">
        <${Chart} title="Messages per second" history=${rates} version=${version} />
        <${Chart} title="Connections and refusals" history=${load} version=${version} />
      </div>
    </section>
  `;
}
