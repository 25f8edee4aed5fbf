import { onFrame } from "./wire.js";
import { showConnections } from "./connections.js";
import { openPicture } from "./picture.js";

/** Frames kept in the log. */
const MAX_FRAMES = 300;

const HERE = new URL(import.meta.url);
/** Where the server is, with its base path. */
const SERVER = new URL("..", HERE).href.replace(/\/$/, "");

const $ = (id) => document.getElementById(id);
const figures = new Map();
let call;

const { protocols } = await (await fetch(new URL("protocols.json", HERE))).json();
const query = new URLSearchParams(location.search);
for (const { name, title } of protocols) $("protocol").add(new Option(title, name));
if (protocols.some(({ name }) => name === query.get("protocol"))) {
  $("protocol").value = query.get("protocol");
}
if (query.get("room")) $("room").value = query.get("room");
if (query.get("token")) $("token").value = query.get("token");
showSnippet();
showConnections($("connections"));
onFrame(logFrame);
$("protocol").addEventListener("change", showSnippet);
$("setup").addEventListener("submit", (event) => {
  event.preventDefault();
  start(event.submitter?.value ?? "camera");
});
// A press before this line would send the form instead of starting a call.
for (const button of $("setup").querySelectorAll("[type=submit]")) button.disabled = false;
$("leave").addEventListener("click", () => {
  call?.leave();
  location.search = new URLSearchParams({ protocol: $("protocol").value, room: $("room").value });
});
$("chat").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value;
  if (text === "") return;
  call.send(text);
  addMessage("You", text);
  $("text").value = "";
});
$("dial").addEventListener("submit", (event) => {
  event.preventDefault();
  call.dial($("number").value);
});
$("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText($("snippet").textContent);
    $("copied").textContent = "Copied.";
  } catch {
    $("copied").textContent = "The browser does not let this page copy; select the text instead.";
  }
});
if (query.has("start")) start(query.get("start"));

/** A client's adapter reports these; ids and texts of others are only ever shown as text. */
const report = {
  ready: (id) => {
    $("me").textContent = ` (${id})`;
    setStatus("Connected to the server. Waiting for another tab.");
  },
  joined: (id, name = id) => {
    figureOf(id, name);
    setStatus(`${name} is here.`);
  },
  stream: (id, stream) => {
    const { video } = figureOf(id, id);
    if (video.srcObject !== stream) video.srcObject = stream;
    setStatus("Connected.");
  },
  /** Somebody without a picture is here. */
  present: (id) => setStatus(`${id} is here.`),
  message: (id, text) => addMessage(id, String(text)),
  left: (id) => {
    figures.get(id)?.figure.remove();
    figures.delete(id);
    setStatus("The other tab has left.");
  },
  trouble: (text) => {
    $("trouble").textContent = text;
    $("trouble").hidden = false;
  },
};

async function start(wanted) {
  const name = $("protocol").value;
  const protocol = protocols.find((one) => one.name === name);
  for (const control of $("setup").elements) control.disabled = control.id !== "leave";
  $("leave").hidden = false;
  setStatus("Connecting …");
  const client = await clientOf(name);
  const hasPicture = client.hasPicture !== false;
  const { kind, stream } = hasPicture ? await openPicture(wanted) : { kind: wanted };
  $("stage").hidden = !hasPicture;
  if (hasPicture) $("own").srcObject = stream;
  const again = new URLSearchParams({ protocol: name, room: $("room").value, start: kind });
  if ($("token").value !== "") again.set("token", $("token").value);
  $("again").href = `?${again}`;
  $("again").hidden = false;
  try {
    call = await client.start({
      server: SERVER,
      path: protocol.path,
      room: $("room").value,
      token: $("token").value || undefined,
      stream,
      report,
      loadScript,
    });
    $("chat").hidden = false;
    $("dial").hidden = call.dial === undefined;
    if (call.text !== undefined) shareText(call.text);
  } catch (error) {
    report.trouble(error.message || "The client does not start: see the browser's console.");
    throw error;
  }
}

/** Shows a text that all tabs write together. */
function shareText({ read, write, onChange }) {
  const area = $("document");
  $("shared").hidden = false;
  area.addEventListener("input", () => write(area.value));
  const show = () => {
    if (area.value !== read()) area.value = read();
  };
  onChange(show);
  show();
}

function clientOf(name) {
  return import(`./clients/${name}.js`);
}

async function showSnippet() {
  const name = $("protocol").value;
  const { path } = protocols.find((one) => one.name === name);
  const { snippet } = await clientOf(name);
  $("snippet").textContent = snippet({ server: SERVER, path, room: $("room").value });
}

function figureOf(id, name) {
  const known = figures.get(id);
  if (known !== undefined) return known;
  const video = Object.assign(document.createElement("video"), {
    autoplay: true,
    muted: true,
    playsInline: true,
  });
  const caption = Object.assign(document.createElement("figcaption"), { textContent: name });
  const figure = document.createElement("figure");
  figure.append(video, caption);
  $("stage").append(figure);
  const added = { figure, video };
  figures.set(id, added);
  return added;
}

function addMessage(from, text) {
  const item = document.createElement("li");
  const name = Object.assign(document.createElement("strong"), { textContent: `${from}: ` });
  item.append(name, text);
  $("messages").append(item);
}

function logFrame({ isOutgoing, summary, details }) {
  const entry = document.createElement("details");
  const line = document.createElement("summary");
  line.textContent = `${isOutgoing ? "→ server" : "← server"}  ${summary}`;
  entry.append(line);
  if (details !== "") {
    entry.append(Object.assign(document.createElement("pre"), { textContent: details }));
  }
  $("wire").prepend(entry);
  while ($("wire").children.length > MAX_FRAMES) $("wire").lastChild.remove();
}

function setStatus(text) {
  $("status").textContent = text;
}

/** Adds a client's script, which announces itself as a global. */
function loadScript(file) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL(file, HERE).href;
    script.onload = resolve;
    script.onerror = () => reject(new Error(`Cannot load ${file}`));
    document.head.append(script);
  });
}
