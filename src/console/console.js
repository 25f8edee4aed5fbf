/* The console: sign-in first, then the server's state, figures and lists, kept fresh by its events. */
import { Api } from "./api.js";
import { listen } from "./events.js";
import { History } from "./history.js";
import { forgetToken, keptToken, SignIn } from "./sign_in.js";
import { Facts, Nodes, State, Summary } from "./summary.js";
import { Tabs } from "./tabs.js";
import { html, render, useEffect, useMemo, useRef, useState } from "./view.js";

/* State changes have no event of their own. */
const SERVER_EVERY_MS = 5000;

function Console() {
  const [token, setToken] = useState(keptToken());
  const [reason, setReason] = useState(undefined);
  const signOut = (why) => {
    forgetToken();
    setReason(why);
    setToken(undefined);
  };
  if (token === undefined) return html`<${SignIn} reason=${reason} onToken=${setToken} />`;
  return html`<${Desk} key=${token} token=${token} onSignedOut=${signOut} />`;
}

/** Everything behind the sign-in. */
function Desk({ token, onSignedOut }) {
  const api = useMemo(
    () => new Api(token, () => onSignedOut("The server no longer accepts this token.")),
    [],
  );
  const listeners = useMemo(() => new Set(), []);
  const rates = useMemo(() => new History(), []);
  const load = useMemo(() => new History(), []);
  const [server, setServer] = useState(undefined);
  const [figures, setFigures] = useState({});
  const [version, setVersion] = useState(0);
  const [isConnected, setConnected] = useState(true);
  const ended = useRef(new AbortController());

  const readServer = async () => {
    try {
      const [facts, hooks] = await Promise.all([api.get("server"), api.get("webhooks")]);
      setServer({ ...facts, hooks: hooks.items });
      // Events tell of this node alone.
      if (facts.cluster?.nodes.length > 1) { for (const hear of listeners) hear("gap"); }
      setFigures((known) => ({ ...facts.totals, ...known }));
    } catch {
      // The stream of events notices the loss, and the state shows it.
    }
  };
  const take = (type, data) => {
    if (type === "stats") {
      const messages = Object.values(data.framesPerSecond).reduce((sum, n) => sum + n, 0);
      const { connections, refusalsPerSecond: refusals, eventLoopLagSeconds: lagSeconds } = data;
      setFigures({ ...data, messages, refusals, lagSeconds });
      const now = Math.round(Date.now() / 1000);
      rates.add(now, data.framesPerSecond);
      load.add(now, { connections, refusals });
      setVersion((known) => known + 1);
    }
    for (const hear of listeners) hear(type);
  };

  useEffect(() => {
    const { signal } = ended.current;
    readServer();
    const timer = setInterval(readServer, SERVER_EVERY_MS);
    listen(api, {
      event: take,
      connected: (isThere) => {
        setConnected(isThere);
        if (isThere) { for (const hear of listeners) hear("gap"); }
      },
    }, signal);
    return () => {
      clearInterval(timer);
      ended.current.abort();
    };
  }, []);

  const live = (hear) => {
    listeners.add(hear);
    return () => listeners.delete(hear);
  };
  return html`
    <header>
      <h1>signalbox</h1>
      <${State} server=${server} isConnected=${isConnected} />
      <${Facts} server=${server} />
      <button type="button" onClick=${() => onSignedOut(undefined)}>Sign out</button>
    </header>
    <main>
      <${Summary} figures=${figures} rates=${rates} load=${load} version=${version} />
      <${Nodes} cluster=${server?.cluster} />
      <${Tabs} api=${api} live=${live} />
    </main>
  `;
}

render(html`<${Console} />`, document.getElementById("console"));
