/**
 * Finds a shorter list that still fails, by leaving out ever smaller parts.
 * @param mostRuns after which the shortest one so far is returned
 */
export async function shrink<Item>(
  failing: readonly Item[],
  fails: (shorter: readonly Item[]) => Promise<boolean>,
  mostRuns = 150,
): Promise<readonly Item[]> {
  let [kept, runs] = [failing, 0];
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < kept.length && runs < mostRuns; runs++) {
      const shorter = [...kept.slice(0, at), ...kept.slice(at + size)];
      if (await fails(shorter)) kept = shorter;
      else at += size;
    }
  }
  return kept;
}
