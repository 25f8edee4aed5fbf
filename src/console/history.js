/* The last ten minutes of the server's figures, a second apart. */

const SPAN_SECONDS = 600;

/** Times in Unix seconds, and the values of each name at these times; null where one is unknown. */
export class History {
  times = [];
  #values = new Map();

  /** Adds one second's figures; a name that is new here has no earlier values. */
  add(seconds, figures) {
    this.times.push(seconds);
    for (const name of Object.keys(figures)) {
      if (!this.#values.has(name)) {
        this.#values.set(name, new Array(this.times.length - 1).fill(null));
      }
    }
    for (const [name, values] of this.#values) values.push(figures[name] ?? null);
    while (this.times[0] < seconds - SPAN_SECONDS) {
      this.times.shift();
      for (const values of this.#values.values()) values.shift();
    }
  }

  get names() {
    return [...this.#values.keys()];
  }

  of(name) {
    return this.#values.get(name) ?? [];
  }

  /** One row in every ten seconds, the newest first: the figures as a table. */
  rows() {
    const rows = [];
    for (let nth = this.times.length - 1; nth >= 0; nth -= 10) {
      const values = this.names.map((name) => this.of(name)[nth]);
      rows.push({ time: this.times[nth], values });
    }
    return rows;
  }
}
