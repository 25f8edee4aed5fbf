import {
  type OutputBudget,
  type OutputBudgetLimits,
  OutputBudgets,
} from "../../../src/transport/output_budget.ts";

/** A budget without a limit. */
export const NO_BUDGET: OutputBudgetLimits = {
  maxQueuedBytes: Infinity,
  maxQueuedBytesPerAddress: Infinity,
};

/** The budget of one address. */
export function newBudget(limits: Partial<OutputBudgetLimits> = {}): OutputBudget {
  return new OutputBudgets({ ...NO_BUDGET, ...limits }).enter("192.0.2.1");
}
