/* The tabs with their tables, and one search field for all of them. */
import { ActButtons, ActDialog } from "./acts.js";
import { Panel } from "./panel.js";
import { TABS } from "./tables.js";
import { html, useEffect, useRef, useState } from "./view.js";

const PAGE = 100;
const MOST = 1000;
/* Rows that events made old are loaded again so soon, and no oftener. */
const REFRESH_MS = 1000;
const TYPING_MS = 250;

/**
 * @param live Calls a listener with the type of each event; returns what ends that
 */
export function Tabs({ api, live }) {
  const [nth, setNth] = useState(0);
  const [typed, setTyped] = useState("");
  const [query, setQuery] = useState("");
  const search = useRef(null);
  useEffect(() => {
    const timer = setTimeout(() => setQuery(typed.trim()), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  useEffect(() => {
    const focus = (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target.closest("input, select, textarea, dialog")) return;
      event.preventDefault();
      search.current.focus();
    };
    document.addEventListener("keydown", focus);
    return () => document.removeEventListener("keydown", focus);
  }, []);
  const tab = TABS[nth];
  return html`
    <section aria-label="Lists">
      <div class="bar">
        <${TabList} nth=${nth} onSelect=${setNth} />
        <label class="search">Search <kbd>/</kbd>
          <input ref=${search} type="search" aria-keyshortcuts="/" value=${typed}
            onInput=${(event) => setTyped(event.target.value)} />
        </label>
      </div>
      <div id="tab-panel" role="tabpanel" aria-labelledby=${`tab-${tab.name}`}>
        <${List} key=${tab.name} api=${api} live=${live} tab=${tab}
          query=${query} />
      </div>
    </section>
  `;
}

/** One tab stop; the arrow keys, Home and End lead on. */
function TabList({ nth, onSelect }) {
  const list = useRef(null);
  const onKeyDown = (event) => {
    const last = TABS.length - 1;
    const next = { ArrowLeft: nth - 1, ArrowRight: nth + 1, Home: 0, End: last }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const target = (next + TABS.length) % TABS.length;
    onSelect(target);
    list.current.children[target].focus();
  };
  return html`
    <div class="tabs" role="tablist" aria-label="Lists" ref=${list} onKeyDown=${onKeyDown}>
      ${TABS.map(({ name }, place) =>
        html`
          <button type="button" role="tab" key=${name} id=${`tab-${name}`}
            aria-selected=${place === nth} aria-controls="tab-panel"
            tabindex=${place === nth ? 0 : -1} onClick=${() => onSelect(place)}>${name}</button>
        `
      )}
    </div>
  `;
}

function List({ api, live, tab, query }) {
  const { rows, next, total, missing, trouble, load, refresh } = useRows(api, live, tab, query);
  const [opened, setOpened] = useState(undefined);
  const [act, setAct] = useState(undefined);
  const acts = useRef(0);
  const origin = useRef(null);
  const remember = (change) => (...values) => {
    origin.current = document.activeElement;
    change(values);
  };
  const giveBack = () => {
    const { current } = origin;
    if (current?.isConnected) current.focus();
    else document.getElementById(`tab-${tab.name}`)?.focus();
  };
  const mayAct = api.role === "full" && tab.acts.length > 0;
  const shown = tab.searches ? rows : rows.filter((row) => holds(tab, row, query));
  return html`
    <div class=${opened ? "split" : ""}>
      <div>
        ${trouble && html`<p role="alert" class="bad">${trouble}</p>`}
        ${missing && html`<p role="alert" class="bad">No answer from ${missing.join(", ")}</p>`}
        <div class="scroll" tabindex="0" role="region" aria-label=${`${tab.name} as a table`}>
          <table>
            <thead>
              <tr>
                ${tab.columns.map(({ label, isNumber }) =>
                  html`<th scope="col" key=${label} class=${isNumber ? "number" : ""}>${label}</th>`
                )}
                ${mayAct && html`<th scope="col">Actions</th>`}
              </tr>
            </thead>
            <tbody>
              ${shown.map((row) =>
                html`
                  <${Row} key=${tab.keyOf(row)} tab=${tab} row=${row} mayAct=${mayAct}
                    isOpen=${opened && tab.keyOf(opened) === tab.keyOf(row)}
                    onOpen=${remember(([wanted]) => setOpened(wanted))}
                    onAct=${remember(([name, wanted]) =>
                      setAct({ name, row: wanted, nth: ++acts.current })
                    )} />
                `
              )}
            </tbody>
          </table>
        </div>
        <p class="more">
          <span>${shown.length} of ${total ?? shown.length}</span>
          ${next && html`<button type="button" onClick=${load}>More</button>`}
        </p>
      </div>
      ${opened && html`
        <${Panel} key=${tab.keyOf(opened)} api=${api} tab=${tab} row=${opened} onClose=${() => {
          setOpened(undefined);
          giveBack();
        }} />
      `}
      ${act && html`
        <${ActDialog} key=${act.nth} api=${api} name=${act.name} row=${act.row} onEnd=${(
          isDone,
        ) => {
          if (isDone) refresh();
          // The news of a closed dialog may come after the next one was opened.
          if (act.nth !== acts.current) return;
          setAct(undefined);
          giveBack();
        }} />
      `}
    </div>
  `;
}

function Row({ tab, row, mayAct, isOpen, onOpen, onAct }) {
  const [first, ...others] = tab.columns;
  return html`
    <tr class=${isOpen ? "open" : ""} onClick=${() => onOpen(row)}>
      <th scope="row">
        <button type="button" class="link" aria-expanded=${isOpen === true} onClick=${(event) => {
          event.stopPropagation();
          onOpen(row);
        }}>${first.of(row)}</button>
      </th>
      ${others.map(({ label, of, isNumber }) =>
        html`<td key=${label} class=${isNumber ? "number" : ""}>${of(row)}</td>`
      )}
      ${mayAct && html`
        <td>
          <${ActButtons} names=${tab.acts} row=${row} onAct=${onAct} />
        </td>
      `}
    </tr>
  `;
}

/** True if a column of the row holds the text that is searched for. */
function holds(tab, row, query) {
  const part = query.toLowerCase();
  return tab.columns.some(({ of }) => String(of(row)).toLowerCase().includes(part));
}

/** The rows that are loaded, and loaded again when events have made them old. */
function useRows(api, live, tab, query) {
  const [page, setPage] = useState({ rows: [] });
  const [trouble, setTrouble] = useState(undefined);
  const wanted = useRef(PAGE);
  const turn = useRef(0);
  /** An older question's answer never takes the place of a newer one's. */
  const ask = async (paging, take) => {
    const mine = ++turn.current;
    const q = tab.searches ? query : undefined;
    try {
      const answer = await api.get(tab.path, { ...paging, q });
      if (mine !== turn.current) return;
      take(answer);
      setTrouble(undefined);
    } catch (error) {
      if (mine === turn.current) setTrouble(error.message);
    }
  };
  const refresh = () =>
    ask(
      tab.isWhole ? {} : { limit: wanted.current },
      ({ items, next, total, missing }) => setPage({ rows: items, next, total, missing }),
    );
  const load = () =>
    ask({ limit: PAGE, cursor: page.next }, ({ items, next, total, missing }) => {
      const rows = [...page.rows, ...items];
      wanted.current = Math.min(MOST, Math.max(PAGE, rows.length));
      setPage({ rows, next, total, missing });
    });
  useEffect(() => {
    wanted.current = PAGE;
    refresh();
  }, [query]);
  useEffect(() => {
    let timer;
    const end = live((type) => {
      const isStale = type === "gap" || tab.stale.some((begin) => type.startsWith(begin));
      if (!isStale || timer !== undefined) return;
      timer = setTimeout(() => {
        timer = undefined;
        refresh();
      }, REFRESH_MS);
    });
    return () => {
      end();
      clearTimeout(timer);
    };
  }, [query]);
  return { ...page, trouble, load, refresh };
}
