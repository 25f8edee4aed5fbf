import { onConnection } from "./wire.js";

/** Keeps the table of peer connections: states, candidates by type, the path in use. */
export function showConnections(body) {
  onConnection((connection) => {
    let cells;
    const found = new Map();
    const update = async () => {
      // Clients make connections only to look at what the browser can do: those stay out.
      cells ??= addRow(body);
      cells.state.textContent = connection.connectionState;
      cells.ice.textContent = connection.iceConnectionState;
      cells.found.textContent = [...found].map(([type, count]) => `${count} ${type}`).join(", ") ||
        "none yet";
      cells.path.textContent = await pathOf(connection);
    };
    const types = ["signalingstatechange", "connectionstatechange", "iceconnectionstatechange"];
    for (const type of types) {
      connection.addEventListener(type, update);
    }
    connection.addEventListener("icecandidate", ({ candidate }) => {
      if (!candidate?.candidate) return;
      const kind = `${candidate.type} ${candidate.protocol}`;
      found.set(kind, (found.get(kind) ?? 0) + 1);
      update();
    });
  });
}

function addRow(body) {
  const row = body.insertRow();
  const [state, ice, found, path] = Array.from({ length: 4 }, () => row.insertCell());
  return { state, ice, found, path };
}

/** Such as "host → prflx, udp". */
async function pathOf(connection) {
  if (connection.connectionState !== "connected") return "–";
  const stats = await connection.getStats();
  const reports = [...stats.values()];
  const pair = reports.find(({ type, nominated, state }) =>
    type === "candidate-pair" && nominated && state === "succeeded"
  );
  const local = stats.get(pair?.localCandidateId);
  const remote = stats.get(pair?.remoteCandidateId);
  if (!local || !remote) return "–";
  return `${local.candidateType} → ${remote.candidateType}, ${local.protocol}`;
}
