/* Everything about one row, beside the table. */
import { bytes, heading, number, plain, time } from "./format.js";
import { html, useEffect, useRef, useState } from "./view.js";

const BYTES = ["bytesReceived", "bytesSent", "queuedBytes", "infoBytes"];
const TIMES = ["at", "connectedAt", "startedAt", "expiresAt"];

export function Panel({ api, tab, row, onClose }) {
  const [whole, setWhole] = useState(row);
  const [trouble, setTrouble] = useState(undefined);
  const title = useRef(null);
  useEffect(() => {
    title.current.focus();
    if (tab.detail === undefined) return;
    api.get(tab.detail(row)).then(setWhole, (error) => setTrouble(error.message));
  }, []);
  const onKeyDown = (event) => {
    if (event.key === "Escape") onClose();
  };
  return html`
    <section class="panel" aria-labelledby="panel-title" onKeyDown=${onKeyDown}>
      <header>
        <h2 id="panel-title" ref=${title} tabindex="-1">${plain(tab.columns[0].of(row))}</h2>
        <button type="button" onClick=${onClose}>Close</button>
      </header>
      ${trouble && html`<p role="alert" class="bad">${trouble}</p>`}
      <dl>
        ${Object.entries(whole).map(([name, value]) =>
          html`
            <div key=${name}>
              <dt>${heading(name)}</dt>
              <dd>${valueOf(name, value)}</dd>
            </div>
          `
        )}
      </dl>
    </section>
  `;
}

function valueOf(name, value) {
  if (TIMES.includes(name)) return time(value);
  if (BYTES.includes(name)) return bytes(value);
  if (typeof value === "number") return number(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (value !== null && typeof value === "object") {
    return html`<pre tabindex="0">${JSON.stringify(value, null, 2)}</pre>`;
  }
  return plain(value);
}
