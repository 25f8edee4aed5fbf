import { type FilePath, GROUPS, type PagePath } from "./contents.ts";
import changelog from "../../CHANGELOG.md" with { type: "text" };
import licence from "../../LICENSE" with { type: "text" };
import readme from "../../README.md" with { type: "text" };
import building from "../../scripts/README.md" with { type: "text" };
import chart from "../../scripts/performance.svg" with { type: "text" };
import dockerfile from "../../scripts/docker/Dockerfile" with { type: "text" };
import deployment from "../../scripts/kubernetes/deployment.yaml" with { type: "text" };
import dashboard from "../../scripts/grafana/signalbox.json" with { type: "text" };
import folderUnit from "../../scripts/systemd/signalbox-folder.service" with { type: "text" };
import unit from "../../scripts/systemd/signalbox.service" with { type: "text" };
import contributing from "../../tests/README.md" with { type: "text" };
import admin from "../admin/README.md" with { type: "text" };
import tokens from "../auth/README.md" with { type: "text" };
import cluster from "../cluster/README.md" with { type: "text" };
import options from "../config/README.md" with { type: "text" };
import consoleDark from "../console/dark.png" with { type: "bytes" };
import consoleLight from "../console/light.png" with { type: "bytes" };
import core from "../core/README.md" with { type: "text" };
import bridging from "../dialects/BRIDGING.md" with { type: "text" };
import dialects from "../dialects/README.md" with { type: "text" };
import gstreamerProtocol from "../dialects/gstreamer/PROTOCOL.md" with { type: "text" };
import gstreamer from "../dialects/gstreamer/README.md" with { type: "text" };
import owtProtocol from "../dialects/owt/PROTOCOL.md" with { type: "text" };
import owt from "../dialects/owt/README.md" with { type: "text" };
import peerjsProtocol from "../dialects/peerjs/PROTOCOL.md" with { type: "text" };
import peerjs from "../dialects/peerjs/README.md" with { type: "text" };
import clientTypes from "../dialects/simple/client/client.d.ts" with { type: "text" };
import simpleProtocol from "../dialects/simple/PROTOCOL.md" with { type: "text" };
import simple from "../dialects/simple/README.md" with { type: "text" };
import sspProtocol from "../dialects/ssp/PROTOCOL.md" with { type: "text" };
import ssp from "../dialects/ssp/README.md" with { type: "text" };
import topicsProtocol from "../dialects/topics/PROTOCOL.md" with { type: "text" };
import topics from "../dialects/topics/README.md" with { type: "text" };
import webrtcsinkProtocol from "../dialects/webrtcsink/PROTOCOL.md" with { type: "text" };
import webrtcsink from "../dialects/webrtcsink/README.md" with { type: "text" };
import operating from "../server/README.md" with { type: "text" };
import persistence from "../store/README.md" with { type: "text" };
import transport from "../transport/README.md" with { type: "text" };

/** A page of the documentation. */
export interface DocsPage {
  /** Its heading in the table of contents. */
  readonly group: string;
  /** Its path in the repository; links between pages follow from it. */
  readonly path: PagePath;
  readonly markdown: string;
}

const TEXTS: Readonly<Record<PagePath, string>> = {
  "README.md": readme,
  "CHANGELOG.md": changelog,
  "src/dialects/peerjs/README.md": peerjs,
  "src/dialects/gstreamer/README.md": gstreamer,
  "src/dialects/webrtcsink/README.md": webrtcsink,
  "src/dialects/ssp/README.md": ssp,
  "src/dialects/owt/README.md": owt,
  "src/dialects/topics/README.md": topics,
  "src/dialects/simple/README.md": simple,
  "src/server/README.md": operating,
  "src/auth/README.md": tokens,
  "src/config/README.md": options,
  "src/admin/README.md": admin,
  "src/store/README.md": persistence,
  "src/cluster/README.md": cluster,
  "src/dialects/BRIDGING.md": bridging,
  "src/dialects/peerjs/PROTOCOL.md": peerjsProtocol,
  "src/dialects/gstreamer/PROTOCOL.md": gstreamerProtocol,
  "src/dialects/webrtcsink/PROTOCOL.md": webrtcsinkProtocol,
  "src/dialects/ssp/PROTOCOL.md": sspProtocol,
  "src/dialects/owt/PROTOCOL.md": owtProtocol,
  "src/dialects/topics/PROTOCOL.md": topicsProtocol,
  "src/dialects/simple/PROTOCOL.md": simpleProtocol,
  "tests/README.md": contributing,
  "scripts/README.md": building,
  "src/core/README.md": core,
  "src/dialects/README.md": dialects,
  "src/transport/README.md": transport,
};

/** All pages, in the order of the table of contents. */
export const PAGES: readonly DocsPage[] = Object.entries(GROUPS).flatMap(([group, paths]) =>
  paths.map((path) => ({ group, path, markdown: TEXTS[path] }))
);

/** The files that pages link to. */
export const FILES: Readonly<Record<FilePath, string | Uint8Array<ArrayBuffer>>> = {
  LICENSE: licence,
  "scripts/docker/Dockerfile": dockerfile,
  "scripts/performance.svg": chart,
  "scripts/grafana/signalbox.json": dashboard,
  "scripts/kubernetes/deployment.yaml": deployment,
  "scripts/systemd/signalbox-folder.service": folderUnit,
  "scripts/systemd/signalbox.service": unit,
  "src/console/dark.png": consoleDark,
  "src/console/light.png": consoleLight,
  "src/dialects/simple/client/client.d.ts": clientTypes,
};
