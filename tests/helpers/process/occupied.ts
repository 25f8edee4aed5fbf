/** What a process has open and how much memory it takes; undefined where the system does not say. */
export function occupied(pid: number): { files: number; bytes: number } | undefined {
  if (Deno.build.os !== "linux") return undefined;
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const kilobytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
  return { files: [...Deno.readDirSync(`/proc/${pid}/fd`)].length, bytes: kilobytes * 1024 };
}
