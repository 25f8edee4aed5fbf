/** The pages by their heading in the table of contents. A page is its path in the repository. */
export const GROUPS = {
  Start: [
    "README.md",
    "CHANGELOG.md",
  ],
  Clients: [
    "src/dialects/peerjs/README.md",
    "src/dialects/gstreamer/README.md",
    "src/dialects/webrtcsink/README.md",
    "src/dialects/ssp/README.md",
    "src/dialects/owt/README.md",
    "src/dialects/topics/README.md",
    "src/dialects/simple/README.md",
  ],
  Operate: [
    "src/server/README.md",
    "src/auth/README.md",
    "src/config/README.md",
    "src/admin/README.md",
    "src/store/README.md",
    "src/cluster/README.md",
    "src/dialects/BRIDGING.md",
  ],
  Protocols: [
    "src/dialects/peerjs/PROTOCOL.md",
    "src/dialects/gstreamer/PROTOCOL.md",
    "src/dialects/webrtcsink/PROTOCOL.md",
    "src/dialects/ssp/PROTOCOL.md",
    "src/dialects/owt/PROTOCOL.md",
    "src/dialects/topics/PROTOCOL.md",
    "src/dialects/simple/PROTOCOL.md",
  ],
  Contribute: [
    "tests/README.md",
    "scripts/README.md",
    "src/core/README.md",
    "src/dialects/README.md",
    "src/transport/README.md",
  ],
} as const;

/** Files that pages link to, by their path in the repository. */
export const FILE_PATHS = [
  "LICENSE",
  "scripts/docker/Dockerfile",
  "scripts/performance.svg",
  "scripts/grafana/signalbox.json",
  "scripts/kubernetes/deployment.yaml",
  "scripts/systemd/signalbox-folder.service",
  "scripts/systemd/signalbox.service",
  "src/console/dark.png",
  "src/console/light.png",
  "src/dialects/simple/client/client.d.ts",
] as const;

export type Group = keyof typeof GROUPS;
export type PagePath = typeof GROUPS[Group][number];
export type FilePath = typeof FILE_PATHS[number];
