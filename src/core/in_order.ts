/**
 * Merges sequences that are in order each. They may change meanwhile: entries that are added at their
 * ends are found.
 */
export function* inOrder<T>(
  sequences: readonly Iterator<T>[],
  serialOf: (item: T) => number,
): Generator<T> {
  const heads = sequences.map((sequence) => ({ sequence, next: sequence.next() }));
  while (true) {
    let first: (typeof heads)[number] | undefined = undefined;
    for (const head of heads) {
      if (head.next.done) continue;
      const isEarlier = first === undefined || first.next.done ||
        serialOf(head.next.value) < serialOf(first.next.value);
      if (isEarlier) first = head;
    }
    if (first === undefined || first.next.done) return;
    yield first.next.value;
    first.next = first.sequence.next();
  }
}
