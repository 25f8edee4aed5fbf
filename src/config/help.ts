import { dashed, type Option, OPTIONS } from "./option_list.ts";

/** The text of `--help`. */
export function helpText(version: string): string {
  const flags = OPTIONS.map((option) => ({ names: flagNames(option), option }));
  const lines = flags.map(({ names, option }) => {
    const standard = standardText(option);
    const tail = standard === "" ? "" : ` [${standard}]`;
    return `  ${names}\n      ${option.help}${tail}`;
  });
  return [
    `signalbox ${version}: a WebRTC signalling server for PeerJS, GStreamer and others`,
    "",
    "Usage: signalbox [options]",
    "",
    ...lines,
    "  --config FILE",
    '      JSON file with any of these, nested: { "peerjs": { "allowDiscovery": true } }',
    "  --help, -h",
    "  --version",
    "",
    "Each option is a variable too: --peerjs-key is SIGNALBOX_PEERJS_KEY.",
    "Flags win over variables, variables over the file.",
  ].join("\n");
}

/** The table of the options page. */
export function optionsTable(): string {
  const rows = OPTIONS.map((option) => {
    const others = [...option.otherFlags.map(dashed), ...option.otherVariables]
      .map((name) => `\`${name}\``).join(", ");
    const standard = standardText(option);
    return [
      `\`--${option.flag}\``,
      others,
      standard === "" ? "" : `\`${standard}\``,
      option.help.replaceAll("|", "\\|").replaceAll("<", "&lt;"),
    ];
  });
  return [["Option", "Also", "Default", "Meaning"], ["---", "---", "---", "---"], ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function flagNames(option: Option): string {
  const names = [option.flag, ...option.otherFlags].map(dashed).join(", ");
  const value = { boolean: [], number: ["N"], text: ["TEXT"], list: ["TEXT ..."] }[option.type];
  // A choice of words leaves no room for other text; a number may still be one.
  const values = option.type === "number" ? [...value, ...option.words] : value;
  const shown = option.type === "text" && option.words.length > 0 ? option.words : values;
  return shown.length === 0 ? names : `${names} ${shown.join("|")}`;
}

function standardText({ standard, type }: Option): string {
  if (standard === undefined || type === "boolean") return "";
  if (Array.isArray(standard)) return standard.join(" ");
  return String(standard);
}
