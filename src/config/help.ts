import { dashed, type Option, OPTIONS } from "./option_list.ts";

const EXAMPLES: readonly (readonly [command: string, meaning: string])[] = [
  ["signalbox", "listen on port 8080 for all protocols"],
  ["signalbox --port 9000 --dialects peerjs --path /myapp", "take the place of a PeerServer"],
  [
    "signalbox --cert-path /etc/letsencrypt/live/HOST --port 443 --store kv:/var/lib/signalbox",
    "serve https, and keep ids and calls across restarts",
  ],
];

/**
 * The text of `--help`.
 * @param hasAll whether it lists every option, and not only those that people often set
 */
export function helpText(version: string, hasAll: boolean = false): string {
  const shown = hasAll ? OPTIONS : OPTIONS.filter(isCommon);
  const groups = [...Map.groupBy(shown, ({ group }) => group)];
  const left = OPTIONS.length - shown.length;
  return [
    `signalbox ${version}: a WebRTC signalling server for PeerJS, GStreamer and others`,
    "",
    "Usage: signalbox [options]",
    "",
    "Examples:",
    ...EXAMPLES.flatMap(([command, meaning]) => [`  ${command}`, `      ${meaning}`]),
    "",
    ...groups.flatMap(([group, options]) => [`${group}:`, ...options.flatMap(entry), ""]),
    "Other:",
    "  --config FILE",
    '      JSON file with any of these options, nested: { "peerjs": { "allowDiscovery": true } };',
    "      comments and trailing commas are allowed",
    "  --config-schema",
    "      Print the JSON Schema of that file",
    "  --help, -h [all]",
    left > 0 ? `      This text; --help all lists ${left} more options` : "      This text",
    "  --version, -V",
    "",
    "Each option is also a variable: --peerjs-key is SIGNALBOX_PEERJS_KEY.",
    "Flags override variables, and variables override the file.",
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

/** Whether people often set it: limits in groups are for `--help all`. */
function isCommon({ type, path, otherFlags, isRare }: Option): boolean {
  if (isRare) return false;
  return type !== "number" || path.length === 1 || otherFlags.length > 0;
}

function entry(option: Option): string[] {
  const standard = standardText(option);
  const tail = standard === "" ? "" : ` [${standard}]`;
  return [`  ${flagNames(option)}`, `      ${option.help}${tail}`];
}

function flagNames(option: Option): string {
  const names = [option.flag, ...option.otherFlags].map(dashed).join(", ");
  const value = valueText(option);
  return value === "" ? names : `${names} ${value}`;
}

function valueText({ type, words }: Option): string {
  const choice = words.join("|");
  if (type === "boolean") return "";
  if (type === "list") return `${choice || "TEXT"} ...`;
  // A text is one of its words, if it has any; a number may be a word or a number.
  if (type === "number") return ["N", ...words].join("|");
  return choice || "TEXT";
}

function standardText({ standard, type }: Option): string {
  if (standard === undefined || type === "boolean") return "";
  if (Array.isArray(standard)) return standard.join(" ");
  return String(standard);
}
