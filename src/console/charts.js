/* A chart of the last ten minutes, with a legend and the same numbers as a table. */
import { number } from "./format.js";
import { html, useEffect, useRef } from "./view.js";

/* Lines differ by their dashes as well as by their colours. */
const DASHES = [[], [8, 4], [2, 3], [12, 3, 2, 3], [5, 5], [1, 5], [14, 6]];
const HEIGHT = 180;
/* A chart that has just begun is as wide as this. */
const LEAST_SECONDS = 60;

/**
 * @param title What the chart shows
 * @param history The figures
 * @param version Grows with each second, so that the chart is drawn anew
 */
export function Chart({ title, history, version }) {
  const place = useRef(null);
  const names = history.names;
  const key = names.join();
  useEffect(() => {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    let plot = draw(place.current, history, names);
    const redraw = () => {
      plot.destroy();
      plot = draw(place.current, history, names);
      place.current.plot = plot;
    };
    const observer = new ResizeObserver(([{ contentRect }]) =>
      plot.setSize({ width: Math.max(200, contentRect.width), height: HEIGHT })
    );
    observer.observe(place.current);
    dark.addEventListener("change", redraw);
    place.current.plot = plot;
    return () => {
      observer.disconnect();
      dark.removeEventListener("change", redraw);
      plot.destroy();
    };
  }, [key]);
  useEffect(() => {
    place.current.plot?.setData(dataOf(history, names));
  }, [version, key]);
  return html`
    <figure class="chart">
      <figcaption>${title}</figcaption>
      <div ref=${place} role="img" aria-label=${`${title}, the last 10 minutes as lines`}></div>
      <ul class="legend">
        ${names.map((name, nth) => html`<li key=${name} class=${`line-${nth % 7}`}>${name}</li>`)}
      </ul>
      <details>
        <summary>Numbers of this chart</summary>
        <${Numbers} title=${title} history=${history} />
      </details>
    </figure>
  `;
}

function Numbers({ title, history }) {
  const { names } = history;
  return html`
    <div class="scroll" tabindex="0" role="region" aria-label=${`${title} as a table`}>
      <table>
        <thead>
          <tr>
            <th scope="col">Time</th>
            ${names.map((name) => html`<th scope="col" key=${name}>${name}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${history.rows().map(({ time, values }) =>
            html`
              <tr key=${time}>
                <td>${new Date(time * 1000).toLocaleTimeString()}</td>
                ${values.map((value) => html`<td>${number(value)}</td>`)}
              </tr>
            `
          )}
        </tbody>
      </table>
    </div>
  `;
}

function draw(place, history, names) {
  const styles = getComputedStyle(document.documentElement);
  const colour = (name) => styles.getPropertyValue(name).trim();
  const axis = {
    stroke: colour("--soft"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { stroke: colour("--line"), width: 1 },
  };
  const lines = names.map((label, nth) => ({
    label,
    stroke: colour(`--line-${nth % DASHES.length}`),
    width: 2,
    dash: DASHES[nth % DASHES.length],
    points: { show: false },
  }));
  const options = {
    width: Math.max(200, place.clientWidth),
    height: HEIGHT,
    legend: { show: false },
    cursor: { drag: { x: false, y: false } },
    scales: {
      x: { range: (_, low, high) => high ? [Math.min(low, high - LEAST_SECONDS), high] : [0, 1] },
      y: { range: (_, _low, high) => [0, high > 1 ? high * 1.1 : 1] },
    },
    axes: [axis, { ...axis, size: 56 }],
    series: [{}, ...lines],
  };
  return new globalThis.uPlot(options, dataOf(history, names), place);
}

function dataOf(history, names) {
  return [history.times, ...names.map((name) => history.of(name))];
}
