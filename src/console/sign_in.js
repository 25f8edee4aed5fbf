/* The form that asks for a token before anything else. */
import { Api } from "./api.js";
import { html, useEffect, useRef, useState } from "./view.js";

const KEY = "signalbox-admin-token";

/** The token that this tab keeps, if any. */
export function keptToken() {
  return sessionStorage.getItem(KEY) ?? undefined;
}

export function forgetToken() {
  sessionStorage.removeItem(KEY);
}

/** Asks for a token until the server takes one, and hands it to `onToken`. */
export function SignIn({ reason, onToken }) {
  const [trouble, setTrouble] = useState(reason);
  const [isBusy, setBusy] = useState(false);
  const field = useRef(null);
  useEffect(() => field.current.focus(), []);
  const submit = async (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    const token = form.get("token").trim();
    setBusy(true);
    setTrouble(undefined);
    try {
      await new Api(token, () => {}).get("server");
      if (form.has("keep")) sessionStorage.setItem(KEY, token);
      onToken(token);
    } catch (error) {
      setBusy(false);
      setTrouble(wordsFor(error));
    }
  };
  return html`
    <main class="sign-in">
      <h1>signalbox</h1>
      <form onSubmit=${submit}>
        <label for="token">Admin token</label>
        <input ref=${field} id="token" name="token" type="password" autocomplete="current-password" required />
        <label class="check"><input type="checkbox" name="keep" /> Keep in this tab</label>
        <button type="submit" class="primary" disabled=${isBusy}>Sign in</button>
      </form>
      ${trouble && html`<p role="alert" class="bad">${trouble}</p>`}
    </main>
  `;
}

function wordsFor(error) {
  if (error.status === 401) return "The server does not accept this token.";
  if (error.status === 404) return "This server has no admin API here.";
  if (error.status === undefined) return "The server cannot be reached.";
  return error.message;
}
