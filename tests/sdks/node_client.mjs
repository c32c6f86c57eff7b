// Sends calls through @segment/analytics-node, as the JSON on stdin says, and prints what the SDK then told as JSON:
// the ids that it took, and the codes and reasons of its errors.
import { Analytics } from "@segment/analytics-node";

let text = "";
for await (const part of process.stdin) text += part;
const { settings, calls, closeSeconds } = JSON.parse(text);
const taken = [];
const errors = [];

const analytics = new Analytics(settings);
analytics.on("error", (error) => errors.push({ code: error.code, reason: String(error.reason) }));
for (const { kind, ...call } of calls) {
  analytics[kind](call, (error, context) => taken.push({ id: context?.event?.messageId, failed: Boolean(error) }));
}
await analytics.closeAndFlush({ timeout: closeSeconds * 1000 });
process.stdout.write(JSON.stringify({ taken, errors }), () => process.exit(0));
