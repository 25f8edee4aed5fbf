// y-webrtc's own server, in a folder in which npm has installed it: it takes its port from the
// environment, and does not tell which one the system chose.
import { createServer } from "node:net";
import process from "node:process";

const probe = createServer().listen(0, "127.0.0.1", () => {
  const { port } = probe.address();
  probe.close(async () => {
    process.env.PORT = String(port);
    await import(`${process.cwd()}/node_modules/y-webrtc/bin/server.js`);
    process.stdout.write(`Listening on http://127.0.0.1:${port}\n`);
  });
});
