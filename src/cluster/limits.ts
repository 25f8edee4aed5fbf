import type { CallerOptions } from "./steps/caller.ts";
import type { OutboxLimits } from "./items/outbox.ts";
import type { QuestionLimits } from "./items/questions.ts";
import type { StepLimits } from "./steps/steps.ts";

/** The limits of a node's work for its cluster; each is an option. */
export type NodeLimits =
  & StepLimits
  & Omit<OutboxLimits, "process">
  & QuestionLimits
  & Pick<CallerOptions, "maxInboxItems">;
