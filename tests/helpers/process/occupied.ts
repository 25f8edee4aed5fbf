/** Open files and memory of a process; undefined if the system does not report them. */
export function occupied(pid: number): { files: number; bytes: number } | undefined {
  if (Deno.build.os !== "linux") return undefined;
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const kilobytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
  return { files: [...Deno.readDirSync(`/proc/${pid}/fd`)].length, bytes: kilobytes * 1024 };
}
