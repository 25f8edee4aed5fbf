/* Acts of an operator on a row. A dialog repeats each act and asks for the reason first. */
import { segment } from "./api.js";
import { html, useEffect, useRef, useState } from "./view.js";

const DAY_SECONDS = 86_400;

/**
 * The acts by name.
 * `subject` returns the name on the button, or undefined where the row lacks it. `words` tell
 * the consequences.
 */
export const ACTS = {
  kick: {
    verb: "Kick",
    subject: ({ id }) => id,
    words: ({ id, dialect }) => `${id} (${dialect}) is disconnected. It may come back.`,
    carryOut: (api, { dialect, id }, reason) =>
      api.send("POST", `peers/${dialect}/${segment(id)}/kick`, reason ? { reason } : {}),
  },
  ban: {
    verb: "Ban",
    subject: ({ address }) => address ?? undefined,
    words: ({ address }) => `Everybody at ${address} is disconnected and refused for a day.`,
    carryOut: (api, { address }, reason) =>
      api.send("PUT", `bans/address/${segment(address)}`, {
        reason: reason || "by an operator",
        lifetimeSeconds: DAY_SECONDS,
      }),
  },
  stop: {
    verb: "Stop",
    subject: ({ id }) => id,
    words: ({ id, members }) => `Room ${id} ends for its ${members} members.`,
    carryOut: (api, { dialect, id }, reason) =>
      api.send("POST", `rooms/${dialect}/${segment(id)}/stop`, reason ? { reason } : {}),
  },
  lift: {
    verb: "Lift",
    subject: ({ value }) => value,
    words: ({ kind, value }) => `The ban of ${kind} ${value} ends. It is admitted again.`,
    carryOut: (api, { kind, value }, reason) =>
      api.send("DELETE", `bans/${kind}/${segment(value)}`, reason ? { reason } : undefined),
  },
};

/** The buttons of a row. */
export function ActButtons({ names, row, onAct }) {
  return names.map((name) => {
    const { verb, subject } = ACTS[name];
    const on = subject(row);
    if (on === undefined || on === null) return null;
    return html`
      <button type="button" key=${name} class="act" aria-label=${`${verb} ${on}`}
        onClick=${(event) => {
          event.stopPropagation();
          onAct(name, row);
        }}>${verb}</button>
    `;
  });
}

/** Asks before an act is carried out. Escape cancels, and the focus returns to where it was. */
export function ActDialog({ api, name, row, onEnd }) {
  const dialog = useRef(null);
  const [trouble, setTrouble] = useState(undefined);
  const { verb, subject, words, carryOut } = ACTS[name];
  useEffect(() => {
    dialog.current.showModal();
    dialog.current.querySelector("input").focus();
  }, []);
  const submit = async (event) => {
    event.preventDefault();
    try {
      await carryOut(api, row, new FormData(event.target).get("reason").trim());
      onEnd(true);
    } catch (error) {
      setTrouble(error.message);
    }
  };
  return html`
    <dialog ref=${dialog} aria-labelledby="act-title" onClose=${() => onEnd(false)}>
      <form onSubmit=${submit}>
        <h2 id="act-title">${verb} ${subject(row)}</h2>
        <p>${words(row)}</p>
        <label for="reason">Reason</label>
        <input id="reason" name="reason" maxlength="200" autocomplete="off" />
        ${trouble && html`<p role="alert" class="bad">${trouble}</p>`}
        <p class="buttons">
          <button type="button" onClick=${() => dialog.current.close()}>Cancel</button>
          <button type="submit" class="danger">${verb}</button>
        </p>
      </form>
    </dialog>
  `;
}
