import ipaddr from "ipaddr.js";

type IpAddress = ReturnType<typeof ipaddr.process>;
type Network = ReturnType<typeof ipaddr.parseCIDR>;

/** Decides whose X-Forwarded-For counts. */
export class TrustedProxies {
  readonly #networks: readonly Network[];
  readonly #trustsNearest: boolean;
  /** The newest client without a header: reading an address takes longer than routing a request. */
  #direct: { readonly remote: string; readonly address: string } = { remote: "", address: "" };

  /**
   * @param entries addresses or networks such as `10.0.0.0/8`; throws TypeError on another text
   * @param trustsNearest whether every direct client counts as a proxy
   */
  constructor(entries: readonly string[], trustsNearest: boolean = false) {
    this.#networks = entries.map(parseNetwork);
    this.#trustsNearest = trustsNearest;
  }

  /**
   * Returns the client's address: the first entry of `X-Forwarded-For`, read from the right, that
   * is no trusted proxy. Without a usable entry it is the connection's own. A header from an
   * untrusted sender is ignored.
   */
  clientAddress(remote: string, forwardedFor: string | null): string {
    if (forwardedFor !== null) return this.#forwarded(remote, forwardedFor);
    if (remote !== this.#direct.remote) this.#direct = { remote, address: plainAddress(remote) };
    return this.#direct.address;
  }

  #forwarded(remote: string, forwardedFor: string): string {
    let client = parse(remote);
    if (client === undefined) return remote;
    if (this.#trustsNearest || this.#trusts(client)) {
      for (const hop of forwardedFor.split(",").reverse()) {
        const address = parse(hop.trim());
        if (address === undefined) break;
        client = address;
        if (!this.#trusts(client)) break;
      }
    }
    return client.toString();
  }

  /** True if an X-Forwarded-For of this connection does not count. */
  ignores(remote: string): boolean {
    const client = parse(remote);
    return client !== undefined && !this.#trustsNearest && !this.#trusts(client);
  }

  #trusts(address: IpAddress): boolean {
    return this.#networks.some(([network, bits]) =>
      // Comparing addresses of two kinds throws.
      network.kind() === address.kind() && address.match(network, bits)
    );
  }
}

/** An address as logs show it: IPv4 in IPv6 notation is IPv4. */
export function plainAddress(address: string): string {
  return parse(address)?.toString() ?? address;
}

/** The key under which an address is counted: an IPv6 client can choose from a whole /64. */
export function addressKey(address: string): string {
  const parsed = parse(address);
  if (parsed === undefined) return address;
  if (parsed.kind() === "ipv4") return parsed.toString();
  return `${parsed.toNormalizedString().split(":", 4).join(":")}::/64`;
}

/** A key as people read and write it: `2001:db8::/64` instead of `2001:db8:0:0::/64` (RFC 5952). */
export function shownKey(key: string): string {
  const network = key.endsWith("/64") ? key.slice(0, -3) : "";
  return ipaddr.IPv6.isValid(network) ? `${ipaddr.IPv6.parse(network).toRFC5952String()}/64` : key;
}

/** Keys of addresses. The newest is remembered, because a client's connections come in a row. */
export class AddressKeys {
  #newest: { readonly address: string; readonly key: string } = { address: "", key: "" };

  /** See `addressKey`. */
  of(address: string): string {
    if (address !== this.#newest.address) this.#newest = { address, key: addressKey(address) };
    return this.#newest.key;
  }
}

/** Reads an address as operators write it, a /64 included; undefined if it is invalid. */
export function readAddressKey(text: string): string | undefined {
  const address = text.trim().replace(/\/\d+$/, "");
  if (parse(address) === undefined) return undefined;
  const key = addressKey(address);
  // Any other network would count as more or fewer than one address.
  const names = [address, `${address}/${key.endsWith("/64") ? 64 : 32}`];
  return names.includes(text.trim()) ? key : undefined;
}

/** IPv4 in IPv6 notation is IPv4; a port, as some proxies add it, is not part of the address. */
function parse(text: string): IpAddress | undefined {
  const bare = text.replace(/^\[(.*)\](:\d+)?$/, "$1").replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1");
  // The library also takes the short and the hexadecimal forms of IPv4, which nobody writes here.
  const isAddress = ipaddr.IPv4.isValidFourPartDecimal(bare) || ipaddr.IPv6.isValid(bare);
  return isAddress ? ipaddr.process(bare) : undefined;
}

function parseNetwork(text: string): Network {
  const [address = "", bits] = text.split("/", 2);
  const parsed = parse(address);
  try {
    if (parsed === undefined) throw new TypeError(`"${address}" is no address`);
    if (bits !== undefined) return ipaddr.parseCIDR(text);
    return [parsed, parsed.kind() === "ipv4" ? 32 : 128] as Network;
  } catch {
    throw new TypeError(
      "Every value of --trust-proxy must be an address such as 10.0.0.1 or a network such as " +
        `10.0.0.0/8 (got "${text}")`,
    );
  }
}
