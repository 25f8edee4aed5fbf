import type { CallerOptions } from "./caller.ts";
import type { OutboxLimits } from "./outbox.ts";
import type { QuestionLimits } from "./questions.ts";
import type { StepLimits } from "./steps.ts";

/** The limits of a node's work for its cluster; each is an option. */
export type NodeLimits =
  & StepLimits
  & Omit<OutboxLimits, "process">
  & QuestionLimits
  & Pick<CallerOptions, "maxInboxItems">;
