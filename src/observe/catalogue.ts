/** A family of time series. */
export interface MetricEntry {
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  /** Names of its labels. Their values come from closed sets, never from clients. */
  readonly labels: readonly string[];
  /** Upper bounds of a histogram's buckets. */
  readonly buckets?: readonly number[];
  /** Label sets beyond these are counted as "other", so that no mistake fills a database. */
  readonly maxSets?: number;
}

/** Label sets of a family without a number of its own. */
export const MAX_SETS = 100;

const DIALECT = ["dialect"] as const;
/** From 5 ms to a minute: the time that a person waits. */
const WAITING = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;
/** From 10 µs to 100 ms: the time that a machine works. */
const WORKING = [
  1e-5,
  2.5e-5,
  5e-5,
  1e-4,
  2.5e-4,
  5e-4,
  1e-3,
  2.5e-3,
  5e-3,
  0.01,
  0.025,
  0.05,
  0.1,
] as const;

/** From 250 µs to 2.5 s: the way to another machine and back. */
const TRAVELLING = [2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.05, 0.25, 1, 2.5] as const;

/** From a local check to an answer of a slow webhook. */
const JUDGING = [1e-4, 2.5e-4, 5e-4, ...WAITING] as const;

type EntryOf<T extends MetricEntry["type"]> = MetricEntry & { readonly type: T };

function gauge(help: string, labels: readonly string[] = []): EntryOf<"gauge"> {
  return { type: "gauge", help, labels };
}

function counter(
  help: string,
  labels: readonly string[] = [],
  maxSets = MAX_SETS,
): EntryOf<"counter"> {
  return { type: "counter", help, labels, maxSets };
}

function histogram(
  help: string,
  buckets: readonly number[],
  labels: readonly string[] = [],
): EntryOf<"histogram"> {
  return { type: "histogram", help, buckets, labels };
}

/** Every metric of the server: no other place gives a name, a type or a help text. */
export const CATALOGUE = {
  // Clients
  signalbox_connections: gauge("Connections that were admitted", DIALECT),
  signalbox_peers: gauge("Ids in use", DIALECT),
  signalbox_rooms: gauge("Rooms with members", DIALECT),
  signalbox_calls: gauge("Calls under way, of protocols whose calls the server knows", DIALECT),
  signalbox_connections_accepted_total: counter("Connections accepted", DIALECT),
  signalbox_connections_closed_total: counter("Connections that ended", ["dialect", "cause"]),
  signalbox_identify_duration_seconds: histogram(
    "Time from the opening of a connection until its client is identified",
    WAITING,
    DIALECT,
  ),
  signalbox_sockets: gauge("Open sockets"),
  signalbox_addresses: gauge("Client addresses remembered"),
  signalbox_socket_io_sessions: gauge("Socket.IO connections"),

  // Traffic
  signalbox_received_frames_total: counter("Frames received from clients", DIALECT),
  signalbox_sent_frames_total: counter("Frames sent to clients", DIALECT),
  signalbox_received_bytes_total: counter("Bytes of frames received from clients", DIALECT),
  signalbox_sent_bytes_total: counter("Bytes of frames sent to clients", DIALECT),
  signalbox_relay_duration_seconds: histogram(
    "Time from the arrival of a frame to its last send; one frame in 16",
    WORKING,
    DIALECT,
  ),
  signalbox_queued_bytes: gauge("Bytes waiting for clients"),

  // Refusals and authentication
  signalbox_refusals_total: counter(
    "Things clients did that were refused",
    ["dialect", "reason"],
    350,
  ),
  signalbox_auth_attempts_total: counter("Tokens judged", ["dialect", "outcome"], 160),
  signalbox_auth_duration_seconds: histogram("Time to judge a token", JUDGING, ["mode"]),
  signalbox_auth_jwks_fetches_total: counter("Fetches of the issuer's keys", ["outcome"], 2),
  signalbox_auth_jwks_age_seconds: gauge("Age of the issuer's keys; -1 before the first fetch"),
  signalbox_auth_cache_hits_total: counter(
    "Questions about clients that were answered without the webhook",
  ),
  signalbox_ice_provider_fetches_total: counter(
    "Fetches of the provider's servers",
    ["outcome"],
    2,
  ),
  signalbox_ice_credentials_total: counter("Credentials for TURN servers that were given out"),

  // Operators
  signalbox_admin_requests_total: counter("Requests of operators, by status", ["status"]),
  signalbox_admin_streams: gauge("Streams of events that operators read"),

  // Webhooks
  signalbox_webhook_deliveries_total: counter(
    "Events delivered or lost, and attempts that failed",
    ["outcome"],
  ),
  signalbox_webhook_queued_events: gauge("Events that wait for their receivers"),
  signalbox_webhook_oldest_event_seconds: gauge("Age of the oldest event that waits"),
  signalbox_webhook_duration_seconds: histogram("Duration of one attempt", WAITING),

  // Single protocols
  signalbox_held_bytes: gauge("Bytes held for absent peers", DIALECT),
  signalbox_lost_instances: gauge("Lost connections that are held for their clients", DIALECT),
  signalbox_kept_signal_bytes: gauge(
    "Bytes of signals kept for clients that come back",
    DIALECT,
  ),
  signalbox_media_sessions: gauge("Sessions between producers and consumers", DIALECT),
  signalbox_topics_active: gauge("Topics with subscribers", DIALECT),
  signalbox_topics_subscriptions: gauge("Subscriptions to topics", DIALECT),
  signalbox_topics_remembered: gauge("Lost connections whose topics are remembered", DIALECT),
  signalbox_topics_held_announcements: gauge(
    "Crossing announcements that wait for a call",
    DIALECT,
  ),
  signalbox_topics_published_total: counter("Publications accepted", DIALECT),
  signalbox_topics_delivered_total: counter(
    "Publications sent to subscribers, once for each",
    DIALECT,
  ),
  signalbox_topics_resumed_total: counter("Topics that lost pages got back", DIALECT),
  signalbox_topics_dropped_total: counter(
    "Messages and subscriptions dropped",
    ["dialect", "reason"],
    20,
  ),
  signalbox_bridged_calls: gauge("Calls between protocols under way"),
  signalbox_bridged_calls_total: counter(
    "Calls between protocols, by what became of them",
    ["caller", "callee", "outcome"],
    110,
  ),
  signalbox_bridged_refusals_total: counter(
    "Signals between protocols that were refused",
    ["dialect", "reason"],
    50,
  ),
  signalbox_bridged_drops_total: counter(
    "Signals between protocols that were dropped",
    ["dialect", "kind"],
    50,
  ),

  // The other nodes
  signalbox_cluster_up: gauge("1 if the shared engine answers, otherwise 0"),
  signalbox_cluster_nodes: gauge("Living nodes, this one included"),
  signalbox_cluster_unconfirmed_bytes: gauge("Bytes kept for other nodes"),
  signalbox_cluster_waiting_steps: gauge("Steps that wait for the engine"),
  signalbox_cluster_calls_total: counter("Calls to the engine"),
  signalbox_cluster_losses_total: counter("Times that the engine was lost"),
  signalbox_cluster_fenced_total: counter("Times that others took this node for dead"),
  signalbox_cluster_reaped_total: counter(
    "Dead nodes, and their ids freed by this one",
    ["what"],
    2,
  ),
  signalbox_cluster_call_duration_seconds: histogram(
    "Duration of a call to the engine",
    TRAVELLING,
  ),
  signalbox_cluster_steps_total: counter("Steps by their outcome", ["step", "outcome"], 45),
  signalbox_cluster_items_received_total: counter("Items read from this node's inbox"),
  signalbox_cluster_items_duplicate_total: counter("Messages that had come before"),
  signalbox_cluster_items_unknown_total: counter("Items that mean nothing to this node"),
  signalbox_cluster_inbox_delay_seconds: histogram(
    "Time of items on their way, beyond that of the fastest",
    TRAVELLING,
  ),
  signalbox_cluster_retries_total: counter("Calls that were made again"),
  signalbox_cluster_reconnects_total: counter("New connections to the engine after the first"),
  signalbox_cluster_gaps_total: counter("Lists of rooms asked for anew after a loss of data"),
  signalbox_cluster_faults_total: counter("Faults of the node in its work for the cluster"),
  signalbox_cluster_undelivered_total: counter("Messages that no other node took", ["cause"], 3),
  signalbox_cluster_carried_connections: gauge(
    "Connections of other nodes whose peers have their home on this one",
    DIALECT,
  ),
  signalbox_cluster_moved_peers_total: counter(
    "Peers that went to another node or came from one",
    ["dialect", "outcome"],
    4,
  ),

  // The store
  signalbox_store_up: gauge("1 if the store works, otherwise 0"),
  signalbox_store_damaged: gauge("Damaged files that were moved aside"),
  signalbox_store_unreadable: gauge("Records that cannot be read"),
  signalbox_store_waiting_writes: gauge("Records that wait to be written"),
  signalbox_store_records: gauge("Records in the store", ["kind"]),
  signalbox_store_failures_total: counter("Operations of the store that failed"),
  signalbox_store_dropped_writes_total: counter("Writes put off because too many waited"),
  signalbox_store_unchecked_claims_total: counter("Ids granted while the store failed"),
  signalbox_store_unreserved_ids_total: counter("Ids that are not reserved for their tokens"),
  signalbox_store_evicted_reservations_total: counter("Reservations replaced by new ones"),

  // The process
  signalbox_ready: gauge("1 if /readyz answers 200, otherwise 0"),
  signalbox_draining: gauge("1 if newcomers are refused or soon will be, otherwise 0"),
  signalbox_faults_total: counter("Faults of the server; above 0 is a bug"),
  signalbox_log_lines_suppressed_total: counter("Log lines of clients beyond the limit"),
  signalbox_event_loop_lag_seconds: histogram(
    "Delay of a timer that is due each 500 ms",
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
  ),
  signalbox_build_info: gauge("1, with the build as labels", ["version", "commit", "deno"]),
  process_cpu_seconds_total: counter("CPU time of the process"),
  process_resident_memory_bytes: gauge("Resident memory of the process"),
  process_heap_bytes: gauge("JavaScript heap in use"),
  process_start_time_seconds: gauge("Start of the process, in seconds since 1970"),
  process_open_fds: gauge("Open file descriptors; Linux only"),
  process_max_fds: gauge("Most file descriptors that may be open; Linux only"),
} satisfies Readonly<Record<string, MetricEntry>>;

type Catalogue = typeof CATALOGUE;
export type MetricName = keyof Catalogue;
type OfType<T> = { [N in MetricName]: Catalogue[N]["type"] extends T ? N : never }[MetricName];
export type CounterName = OfType<"counter">;
export type GaugeName = OfType<"gauge">;
export type HistogramName = OfType<"histogram">;

/** Labels of one series, such as { dialect: "peerjs" }. */
export type Labels = Readonly<Record<string, string>>;

/** Throws RangeError for a name that the catalogue does not have. */
export function readName(name: string): CounterName | GaugeName {
  const entry: MetricEntry | undefined = Object.hasOwn(CATALOGUE, name)
    ? CATALOGUE[name as MetricName] // just found
    : undefined;
  if (entry === undefined || entry.type === "histogram") {
    throw new RangeError(`No metric "${name}" in the catalogue`);
  }
  return name as CounterName | GaugeName; // by its type
}
