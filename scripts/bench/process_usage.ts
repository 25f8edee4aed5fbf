/** The kernel's unit of CPU time in /proc, `USER_HZ`: 100 a second on every Linux Deno runs on. */
const TICK_MS = 10;

/** CPU time a process has used so far, all threads, user and system. Linux only. */
export function cpuMs(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  // The second field, the command's name, is in brackets and may contain anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/**
 * The same to the nanosecond, for differences over short times. Threads that have ended since are
 * left out; the runtime keeps those that do the work.
 */
export function threadsCpuMs(pid: number): number {
  let ns = 0;
  for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
    try {
      ns += Number(Deno.readTextFileSync(`/proc/${pid}/task/${name}/schedstat`).split(" ")[0]);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error; // It ended just now.
    }
  }
  return ns / 1e6;
}

/** Memory of a process that is in RAM. Linux only. */
export function residentBytes(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1]) * 1024;
}
